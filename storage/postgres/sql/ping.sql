-- Writes, and is durable when it answers: the way that every acknowledged call takes. In: the commit level. Out: nothing.
create or replace function onced_store.ping(p_commit text) returns void
language plpgsql
set lock_timeout = '500ms'
as $$
begin
  perform set_config('synchronous_commit', p_commit, true);
  update onced_store.heartbeat set beat_ms = onced_store.clock_ms();
end
$$;
