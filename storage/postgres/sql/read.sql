-- Reads many records; see Store.read. In: parallel arrays, one element an operation; p_nows null for the clock. Out: one
-- answer an operation, in any order. Invariant: answered by the primary, never by a standby that may lag behind it.
create or replace function onced_store.read(
  p_namespaces text[], p_keys bytea[], p_nows bigint[], p_include_results boolean[]
) returns setof onced_store.answer
language plpgsql
set lock_timeout = '500ms'
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now_ms bigint := onced_store.primary_clock_ms();
begin
  return query
  select a.ord::integer, false, false, coalesce(a.at_ms, v_now_ms), false,
         r.state, r.revision, r.attempt, r.attempt_origin, r.fencing_token, r.lease_token, r.lease_expire_ms, r.hold_start_ms,
         r.create_ms, r.update_ms, r.settle_ms, r.retry_ms, r.ttl_ms, r.expire_ms, r.result_expire_ms, r.purge_ms,
         r.owner, r.claim, r.checkpoint, r.error, r.outcome, r.settle_digest,
         case when a.include_result then r.result end, r.result_bytes, r.result_dropped
    from unnest(p_namespaces, p_keys, p_nows, p_include_results) with ordinality
      as a (namespace, key, at_ms, include_result, ord)
    left join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key;
end
$$;
