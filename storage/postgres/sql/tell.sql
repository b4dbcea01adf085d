-- Tells other servers what changed. In: messages, each below 8000 bytes. Out: nothing. Called after the changes were
-- committed, never with them: a notifying commit holds a lock of the whole cluster until it is flushed, so that two of them
-- never share a flush (docs/adr/0010: 0.15 to 0.4 of the commits a second). This one is not flushed, and holds it briefly.
create or replace function onced_store.tell(p_messages text[]) returns void
language plpgsql
as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  perform pg_notify('onced_changes', m) from unnest(p_messages) as m;
end
$$;
