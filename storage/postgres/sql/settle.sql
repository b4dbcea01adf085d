-- Records how many attempts ended, in one transaction; see Store.settle. In: parallel arrays, one element an operation, no
-- key twice; the guard is p_tokens or, where that is null, p_revisions; p_states the state settled to; p_ttl_ms null for the
-- record's own; p_nows null for the clock. Out: one answer an operation, with the result bytes only where it was not applied.
-- Invariant: judged and written under the row's lock; an outcome is never overwritten.
-- Never waits for a row: one that another transaction holds is skipped and answered `busy`.
create or replace function onced_store.settle(
  p_commit text,
  p_namespaces text[], p_keys bytea[], p_nows bigint[], p_tokens text[], p_revisions bigint[],
  p_states onced_store.state[], p_results bytea[], p_outcomes json[], p_errors json[], p_result_ttl_ms bigint[],
  p_retry_after_ms bigint[], p_digests text[], p_ttl_ms bigint[], p_grace_ms bigint[]
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
    select a.*, r.ctid as place, r.state as old_state, onced_store.stored_bytes(r.result, r.checkpoint) as old_bytes
      from unnest(p_namespaces, p_keys, p_nows, p_tokens, p_revisions, p_states, p_results, p_outcomes, p_errors,
                  p_result_ttl_ms, p_retry_after_ms, p_digests, p_ttl_ms, p_grace_ms) with ordinality
        as a (namespace, key, at_ms, token, revision, state, result, outcome, error,
              result_ttl_ms, retry_after_ms, digest, ttl_ms, grace_ms, ord)
      join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
     where onced_store.opens(a.token, a.revision, true, coalesce(a.at_ms, onced_store.clock_ms()),
                             r.state, r.lease_token, r.revision, r.expire_ms)
       for update of r skip locked
  ), clock as materialized (
    -- Read when all rows are ours, since it counts them first.
    select onced_store.clock_ms() as now_ms from (select count(*) from locked) l
  ), written as (
    update onced_store.records r
       set state = a.state,
           revision = r.revision + 1,
           update_ms = a.now_ms,
           settle_ms = a.now_ms,
           settle_digest = a.digest,
           -- An unknown outcome stays for the ttl given here, but the ttl asked for its outcome still stands.
           ttl_ms = case when a.state = 'UNKNOWN' then r.ttl_ms else coalesce(a.ttl_ms, r.ttl_ms) end,
           expire_ms = a.now_ms + coalesce(a.ttl_ms, r.ttl_ms),
           purge_ms = a.now_ms + coalesce(a.ttl_ms, r.ttl_ms) + a.grace_ms,
           retry_ms = case when a.state = 'RELEASED' then a.now_ms + a.retry_after_ms else 0 end,
           checkpoint = case when a.state in ('RELEASED', 'UNKNOWN') then r.checkpoint end,
           error = case when a.state = 'COMPLETED' then null else coalesce(a.error, r.error) end,
           outcome = a.outcome,
           result = a.result,
           result_bytes = coalesce(octet_length(a.result), 0),
           result_expire_ms = case when a.state = 'COMPLETED'
                                   then a.now_ms + least(a.result_ttl_ms, coalesce(a.ttl_ms, r.ttl_ms)) else 0 end
      from (select l.*, coalesce(l.at_ms, c.now_ms) as now_ms from clock c cross join locked l) a
     where r.ctid = a.place
       and onced_store.opens(a.token, a.revision, true, a.now_ms, r.state, r.lease_token, r.revision, r.expire_ms)
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
         onced_store.opens(a.token, a.revision, true, coalesce(a.at_ms, c.now_ms),
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
