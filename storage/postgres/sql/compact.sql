-- Drops result bytes and deletes records whose time has come, oldest first; see Store.compact. In: p_now null for the clock;
-- p_limit the most records touched; p_except namespaces left alone. Out: one row. Invariant: the conditions stand in the
-- statements that delete and drop, judged under the row's lock; rows that others hold wait for the next call, and what is past
-- its purge waits until the clock is past its revision.
create or replace function onced_store.compact(p_now_ms bigint, p_limit integer, p_except text[])
returns table (now_ms bigint, results_dropped bigint, records_removed bigint, oldest_due_ms bigint)
language plpgsql
set lock_timeout = '500ms'
set enable_seqscan = off set jit = off
as $$
declare
  v_now_ms bigint := coalesce(p_now_ms, onced_store.clock_ms());
  -- See remove.
  v_still_ms bigint := coalesce(p_now_ms, v_now_ms - onced_store.claim_ms_max());
  v_removed bigint;
  v_dropped bigint;
begin
  -- Not durable at once: what a crash brings back is due still.
  perform set_config('synchronous_commit', 'off', true);
  perform onced_store.fold_counts();

  with due as materialized (
    select r.namespace, r.key, onced_store.stored_bytes(r.result, null) as result_bytes
      from onced_store.records r
     where least(r.purge_ms, nullif(r.result_expire_ms, 0)) <= v_now_ms
       and (r.purge_ms > v_now_ms or r.revision < v_still_ms)
       and r.namespace <> all (p_except)
     order by least(r.purge_ms, nullif(r.result_expire_ms, 0))
     limit p_limit
       for update skip locked
  ), removed as (
    delete from onced_store.records r
     using due d
     where r.namespace = d.namespace and r.key = d.key and r.purge_ms <= v_now_ms and r.revision < v_still_ms
    returning r.namespace, r.state, onced_store.stored_bytes(r.result, r.checkpoint) as bytes
  ), dropped as (
    update onced_store.records r
       set result = null, result_dropped = true, result_expire_ms = 0, revision = r.revision + 1
      from due d
     where r.namespace = d.namespace and r.key = d.key and r.purge_ms > v_now_ms
       and r.result_expire_ms > 0 and r.result_expire_ms <= v_now_ms
    returning r.namespace, r.state, d.result_bytes as bytes
  ), counted as (
    insert into onced_store.count_changes (namespace, state, records, bytes)
    select c.namespace, c.state, sum(c.records), sum(c.bytes)
      from (
        select d.namespace, d.state, -1 as records, -d.bytes as bytes from removed d
        union all
        select d.namespace, d.state, 0, -d.bytes from dropped d
      ) c
     group by c.namespace, c.state
  )
  select (select count(*) from removed), (select count(*) from dropped) into v_removed, v_dropped;

  return query
  select v_now_ms, v_dropped, v_removed, (
    select least(r.purge_ms, nullif(r.result_expire_ms, 0))
      from onced_store.records r
     where least(r.purge_ms, nullif(r.result_expire_ms, 0)) <= v_now_ms
       and (r.purge_ms > v_now_ms or r.revision < v_still_ms)
       and r.namespace <> all (p_except)
     order by least(r.purge_ms, nullif(r.result_expire_ms, 0))
     limit 1);
end
$$;
