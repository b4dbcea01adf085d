-- Moves leases and saves checkpoints of many records in one transaction; see Store.extend. In: parallel arrays, one element
-- an operation, no key twice; the guard is p_tokens or, where that is null, p_revisions; p_lease_ms and p_checkpoints null to
-- leave as is; p_orphan_ttl_ms null for the record's ttl; p_nows null for the clock. Out: one answer an operation, with the
-- result bytes only where it was not applied. Invariant: judged and written under the row's lock.
-- Never waits for a row: one that another transaction holds is skipped and answered `busy`.
create or replace function onced_store.extend(
  p_commit text,
  p_namespaces text[], p_keys bytea[], p_nows bigint[], p_tokens text[], p_revisions bigint[],
  p_lease_ms bigint[], p_hold_ms_max bigint[], p_orphan_ttl_ms bigint[], p_grace_ms bigint[], p_checkpoints bytea[]
) returns setof onced_store.answer
language plpgsql
set lock_timeout = '500ms'
-- A plan made while the table was small must not scan it when it has grown, and is never made twice.
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_commit text := set_config('synchronous_commit', p_commit, true);
begin
  return query
  with locked as materialized (
    select a.*, r.ctid as place, r.hold_start_ms, r.ttl_ms as own_ttl_ms, r.state as old_state,
           onced_store.stored_bytes(r.result, r.checkpoint) as old_bytes
      from unnest(p_namespaces, p_keys, p_nows, p_tokens, p_revisions, p_lease_ms, p_hold_ms_max, p_orphan_ttl_ms, p_grace_ms,
                  p_checkpoints) with ordinality
        as a (namespace, key, at_ms, token, revision, lease_ms, hold_ms_max, orphan_ttl_ms, grace_ms, checkpoint, ord)
      join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
     where onced_store.opens(a.token, a.revision, false, coalesce(a.at_ms, onced_store.clock_ms()),
                             r.state, r.lease_token, r.revision, r.expire_ms)
       for update of r skip locked
  ), clock as materialized (
    -- Read when all rows are ours, since it counts them first.
    select onced_store.clock_ms() as now_ms from (select count(*) from locked) l
  ), written as (
    update onced_store.records r
       set revision = r.revision + 1,
           update_ms = a.now_ms,
           checkpoint = coalesce(a.checkpoint, r.checkpoint),
           lease_expire_ms = coalesce(a.lease_end_ms, r.lease_expire_ms),
           expire_ms = case when a.lease_end_ms is null or r.state = 'UNKNOWN' then r.expire_ms else a.stays_until_ms end,
           purge_ms = case when a.lease_end_ms is null or r.state = 'UNKNOWN' then r.purge_ms
                           else a.stays_until_ms + a.grace_ms end
      from (
        select d.*, greatest(d.now_ms, d.lease_end_ms) + coalesce(d.orphan_ttl_ms, d.own_ttl_ms) as stays_until_ms
          from (
            select l.*, n.now_ms,
                   case when l.lease_ms is not null
                        then least(n.now_ms + l.lease_ms, l.hold_start_ms + l.hold_ms_max) end as lease_end_ms
              from clock c cross join locked l cross join lateral (select coalesce(l.at_ms, c.now_ms) as now_ms) n
          ) d
      ) a
     where r.ctid = a.place
       and onced_store.opens(a.token, a.revision, false, a.now_ms, r.state, r.lease_token, r.revision, r.expire_ms)
    returning a.ord, a.now_ms, a.old_state, a.old_bytes, r.*
  ), counted as (
    insert into onced_store.count_changes (namespace, state, records, bytes)
    select c.namespace, c.state, sum(c.records), sum(c.bytes)
      from (
        select w.namespace, w.old_state as state, -1 as records, -w.old_bytes as bytes from written w
        union all
        select w.namespace, w.state, 1, onced_store.stored_bytes(w.result, w.checkpoint) from written w
      ) c
     group by c.namespace, c.state
    having sum(c.records) <> 0 or sum(c.bytes) <> 0
  )
  select r.ord::integer, true, false, r.now_ms, false,
         r.state, r.revision, r.attempt, r.attempt_origin, r.fencing_token, r.lease_token, r.lease_expire_ms, r.hold_start_ms,
         r.create_ms, r.update_ms, r.settle_ms, r.retry_ms, r.ttl_ms, r.expire_ms, r.result_expire_ms, r.purge_ms,
         r.owner, r.claim, r.checkpoint, r.error, r.outcome, r.settle_digest,
         null::bytea, r.result_bytes, r.result_dropped
    from written r
  union all
  -- The others, as this statement saw them. One that the guard would open was held or changed by somebody at that moment.
  select a.ord::integer, false,
         onced_store.opens(a.token, a.revision, false, coalesce(a.at_ms, c.now_ms),
                           r.state, r.lease_token, r.revision, r.expire_ms) is true,
         coalesce(a.at_ms, c.now_ms), false,
         r.state, r.revision, r.attempt, r.attempt_origin, r.fencing_token, r.lease_token, r.lease_expire_ms, r.hold_start_ms,
         r.create_ms, r.update_ms, r.settle_ms, r.retry_ms, r.ttl_ms, r.expire_ms, r.result_expire_ms, r.purge_ms,
         r.owner, r.claim, r.checkpoint, r.error, r.outcome, r.settle_digest,
         r.result, r.result_bytes, r.result_dropped
    from clock c
   cross join unnest(p_namespaces, p_keys, p_nows, p_tokens, p_revisions) with ordinality
      as a (namespace, key, at_ms, token, revision, ord)
    left join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
   where a.ord not in (select w.ord from written w);
end
$$;
