-- Moves what was counted since into the totals (migrations/0002-counts.sql), a bounded part of it. In, out: nothing. One
-- session at a time; the others have nothing to do meanwhile. Invariant: totals and changes together are always right.
create or replace function onced_store.fold_counts() returns void
language plpgsql
as $$
begin
  if not pg_try_advisory_xact_lock(7062201894) then return; end if;
  with moved as (
    delete from onced_store.count_changes
     where ctid = any (array(select ctid from onced_store.count_changes limit 100000))
    returning namespace, state, records, bytes
  )
  insert into onced_store.counts as t (namespace, state, records, bytes)
  select m.namespace, m.state, sum(m.records), sum(m.bytes) from moved m group by m.namespace, m.state
  on conflict (namespace, state) do update
    set records = t.records + excluded.records, bytes = t.bytes + excluded.bytes;
  delete from onced_store.counts t where t.records = 0 and t.bytes = 0;
end
$$;

-- Counts all records anew, for whoever changed them by hand. In, out: nothing. Waits for writers and holds them up meanwhile.
create or replace function onced_store.recount() returns void
language plpgsql
as $$
begin
  perform pg_advisory_xact_lock(7062201894);
  lock table onced_store.records in share row exclusive mode;
  delete from onced_store.count_changes;
  delete from onced_store.counts;
  insert into onced_store.counts (namespace, state, records, bytes)
  select r.namespace, r.state, count(*), sum(onced_store.stored_bytes(r.result, r.checkpoint))
    from onced_store.records r
   group by r.namespace, r.state;
end
$$;
