-- Moves leases and saves checkpoints of many records in one transaction; see Store.extend. In: parallel arrays, one element
-- an operation, no key twice; the guard is p_tokens or, where that is null, p_revisions; p_lease_ms and p_checkpoints null to
-- leave as is; p_nows null for the clock. Out: one answer an operation. Invariant: judged and written under the row's lock.
-- Never waits for a row: one that another transaction holds is skipped and answered `busy`.
create or replace function onced_store.extend(
  p_commit text,
  p_namespaces text[], p_keys bytea[], p_nows bigint[], p_tokens text[], p_revisions bigint[],
  p_lease_ms bigint[], p_hold_ms_max bigint[], p_orphan_ttl_ms bigint[], p_grace_ms bigint[], p_checkpoints bytea[]
) returns setof onced_store.answer
language plpgsql
set lock_timeout = '500ms'
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_commit text := set_config('synchronous_commit', p_commit, true);
  v_now_ms bigint;
  v_locked bigint[];
  v_written bigint[];
begin
  select array_agg(l.ord) into v_locked from (
    select a.ord
      from unnest(p_namespaces, p_keys, p_nows, p_tokens, p_revisions) with ordinality
        as a (namespace, key, at_ms, token, revision, ord)
      join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
     where onced_store.opens(a.token, a.revision, false, coalesce(a.at_ms, onced_store.clock_ms()),
                             r.state, r.lease_token, r.revision, r.expire_ms)
     order by r.namespace, r.key
       for update of r skip locked
  ) l;
  v_now_ms := onced_store.clock_ms();

  with written as (
    update onced_store.records r
       set revision = r.revision + 1,
           update_ms = a.now_ms,
           checkpoint = coalesce(a.checkpoint, r.checkpoint),
           lease_expire_ms = case when a.lease_ms is null then r.lease_expire_ms
             else least(a.now_ms + a.lease_ms, r.hold_start_ms + a.hold_ms_max) end,
           expire_ms = case when a.lease_ms is null or r.state = 'UNKNOWN' then r.expire_ms
             else greatest(a.now_ms, least(a.now_ms + a.lease_ms, r.hold_start_ms + a.hold_ms_max)) + coalesce(a.orphan_ttl_ms, r.ttl_ms) end,
           purge_ms = case when a.lease_ms is null or r.state = 'UNKNOWN' then r.purge_ms
             else greatest(a.now_ms, least(a.now_ms + a.lease_ms, r.hold_start_ms + a.hold_ms_max)) + coalesce(a.orphan_ttl_ms, r.ttl_ms) + a.grace_ms end
      from (
        select b.*, coalesce(b.at_ms, v_now_ms) as now_ms
          from unnest(p_namespaces, p_keys, p_nows, p_tokens, p_revisions, p_lease_ms, p_hold_ms_max, p_orphan_ttl_ms,
                      p_grace_ms, p_checkpoints) with ordinality
            as b (namespace, key, at_ms, token, revision, lease_ms, hold_ms_max, orphan_ttl_ms, grace_ms, checkpoint, ord)
         where b.ord = any (v_locked)
      ) a
     where r.namespace = a.namespace collate "C" and r.key = a.key
       and onced_store.opens(a.token, a.revision, false, a.now_ms, r.state, r.lease_token, r.revision, r.expire_ms)
    returning a.ord
  )
  select array_agg(ord) into v_written from written;

  return query
  select a.ord::integer, w.applied,
         not w.applied and coalesce(
           onced_store.opens(a.token, a.revision, false, w.now_ms, r.state, r.lease_token, r.revision, r.expire_ms),
           false),
         w.now_ms, false,
         r.state, r.revision, r.attempt, r.attempt_origin, r.fencing_token, r.lease_token, r.lease_expire_ms, r.hold_start_ms,
         r.create_ms, r.update_ms, r.settle_ms, r.retry_ms, r.ttl_ms, r.expire_ms, r.result_expire_ms, r.purge_ms,
         r.owner, r.claim, r.checkpoint, r.error, r.outcome, r.settle_digest,
         case when not w.applied then r.result end, r.result_bytes, r.result_dropped
    from unnest(p_namespaces, p_keys, p_nows, p_tokens, p_revisions) with ordinality
      as a (namespace, key, at_ms, token, revision, ord)
    left join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
   cross join lateral (
      select coalesce(a.ord = any (v_written), false) as applied, coalesce(a.at_ms, v_now_ms) as now_ms
   ) w;
end
$$;
