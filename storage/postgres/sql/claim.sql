-- Claims many keys in one transaction; see Store.claim. In: parallel arrays, one element an operation; p_expected null for
-- `absent`; p_nows null for the clock. Out: one answer an operation, with the result bytes only of a record that stands
-- in the way. Invariant: of the claims on one key with one expectation, here and in every other session, one is applied.
--
-- Never waits for a row: one that another transaction holds is skipped and answered `busy`, so that a service's long
-- transaction holds up its own key and not the batch. Inserts may wait for another server's insert; they go in key order.
create or replace function onced_store.claim(
  p_commit text,
  p_namespaces text[], p_keys bytea[], p_nows bigint[], p_expected bigint[], p_tokens text[],
  p_lease_ms bigint[], p_orphan_ttl_ms bigint[], p_ttl_ms bigint[], p_grace_ms bigint[],
  p_owners bytea[], p_claims json[]
) returns setof onced_store.answer
language plpgsql
set lock_timeout = '500ms'
-- A plan made while the table was small must not scan it when it has grown, and is never made twice.
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_commit text := set_config('synchronous_commit', p_commit, true);
  v_now_ms bigint := onced_store.clock_ms();
  v_written integer;
  v_locked bigint[];
begin
  -- Nothing stood there, so nothing is judged by this instant. `not exists`: an insert would wait for a row being changed.
  insert into onced_store.records as r (
    namespace, key, state, revision, attempt, attempt_origin, fencing_token, lease_token, lease_expire_ms, hold_start_ms,
    create_ms, update_ms, ttl_ms, expire_ms, purge_ms, owner, claim)
  select a.namespace, a.key, 'IN_PROGRESS', a.now_ms, 1, 'FRESH', a.now_ms, a.token, a.now_ms + a.lease_ms, a.now_ms,
         a.now_ms, a.now_ms, a.ttl_ms, a.now_ms + a.lease_ms + a.orphan_ttl_ms,
         a.now_ms + a.lease_ms + a.orphan_ttl_ms + a.grace_ms, a.owner, a.claim
    from (
      select b.*, coalesce(b.at_ms, v_now_ms) as now_ms
        from unnest(p_namespaces, p_keys, p_nows, p_expected, p_tokens, p_lease_ms, p_orphan_ttl_ms, p_ttl_ms,
                    p_grace_ms, p_owners, p_claims)
          as b (namespace, key, at_ms, expected, token, lease_ms, orphan_ttl_ms, ttl_ms, grace_ms, owner, claim)
       where b.expected is null
         and not exists (select from onced_store.records s where s.namespace = b.namespace collate "C" and s.key = b.key)
    ) a
   order by a.namespace collate "C", a.key
  on conflict (namespace, key) do nothing;
  get diagnostics v_written = row_count;

  if v_written < cardinality(p_keys) then
    select array_agg(l.ord) into v_locked from (
      select a.ord
        from unnest(p_namespaces, p_keys, p_nows, p_expected) with ordinality
          as a (namespace, key, at_ms, expected, ord)
        join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
       where onced_store.claimable(a.expected, coalesce(a.at_ms, onced_store.clock_ms()), r.revision, r.expire_ms)
       order by r.namespace, r.key
         for update of r skip locked
    ) l;
    -- Judged again by a clock that was read when the rows were ours.
    v_now_ms := onced_store.clock_ms();
    update onced_store.records r
       set state = 'IN_PROGRESS',
           revision = greatest(r.revision + 1, a.now_ms),
           attempt = case when a.expected is null then 1 else r.attempt + 1 end,
           attempt_origin = case when a.expected is null then 'LATE_RETRY'
                                 when r.state = 'RELEASED' then 'RELEASED' else 'TAKEN_OVER' end::onced_store.origin,
           fencing_token = greatest(r.fencing_token + 1, a.now_ms),
           lease_token = a.token,
           lease_expire_ms = a.now_ms + a.lease_ms,
           hold_start_ms = a.now_ms,
           create_ms = case when a.expected is null then a.now_ms else r.create_ms end,
           update_ms = a.now_ms,
           settle_ms = 0,
           retry_ms = 0,
           ttl_ms = a.ttl_ms,
           expire_ms = a.now_ms + a.lease_ms + a.orphan_ttl_ms,
           result_expire_ms = 0,
           purge_ms = a.now_ms + a.lease_ms + a.orphan_ttl_ms + a.grace_ms,
           owner = a.owner,
           claim = a.claim,
           checkpoint = case when a.expected is null then null else r.checkpoint end,
           error = case when a.expected is null then null else r.error end,
           outcome = null,
           settle_digest = '',
           result = null,
           result_bytes = 0,
           result_dropped = false
      from (
        select b.*, coalesce(b.at_ms, v_now_ms) as now_ms
          from unnest(p_namespaces, p_keys, p_nows, p_expected, p_tokens, p_lease_ms, p_orphan_ttl_ms, p_ttl_ms,
                      p_grace_ms, p_owners, p_claims) with ordinality
            as b (namespace, key, at_ms, expected, token, lease_ms, orphan_ttl_ms, ttl_ms, grace_ms, owner, claim, ord)
         where b.ord = any (v_locked)
      ) a
     where r.namespace = a.namespace collate "C" and r.key = a.key
       and onced_store.claimable(a.expected, a.now_ms, r.revision, r.expire_ms);
  end if;

  return query
  select a.ord::integer, w.applied,
         not w.applied
           and case when r.namespace is null then a.expected is null
                    else onced_store.claimable(a.expected, w.now_ms, r.revision, r.expire_ms) end,
         w.now_ms, w.applied and r.attempt_origin = 'LATE_RETRY',
         r.state, r.revision, r.attempt, r.attempt_origin, r.fencing_token, r.lease_token, r.lease_expire_ms, r.hold_start_ms,
         r.create_ms, r.update_ms, r.settle_ms, r.retry_ms, r.ttl_ms, r.expire_ms, r.result_expire_ms, r.purge_ms,
         r.owner, r.claim, r.checkpoint, r.error, r.outcome, r.settle_digest,
         r.result, r.result_bytes, r.result_dropped
    from unnest(p_namespaces, p_keys, p_nows, p_expected, p_tokens) with ordinality
      as a (namespace, key, at_ms, expected, token, ord)
    left join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
   cross join lateral (
      select coalesce(r.xmin = pg_current_xact_id_if_assigned()::xid and r.lease_token = a.token, false) as applied,
             coalesce(a.at_ms, v_now_ms) as now_ms
   ) w;
end
$$;
