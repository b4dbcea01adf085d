-- Claims many keys in one transaction; see Store.claim. In: parallel arrays, one element an operation, no token twice;
-- p_expected null for `absent`; p_nows null for the clock. Out: an answer with ord 0 that has the clock and, as attempt, how
-- many made a new record; and one for each of the others, with the result bytes of a record that stands in its way.
-- Invariant: of the claims on one key with one expectation, here and in every other session, one is applied.
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
  v_late_ms bigint;
  v_inserted text[];
  v_rest bigint[];
  v_answer onced_store.answer;
begin
  -- Nothing stood there, so nothing is judged by this instant. `not exists`: an insert would wait for a row being changed.
  with inserted as (
    insert into onced_store.records as r (
      namespace, key, state, revision, attempt, attempt_origin, fencing_token, lease_token, lease_expire_ms, hold_start_ms,
      create_ms, update_ms, ttl_ms, expire_ms, purge_ms, owner, claim)
    select a.namespace, a.key, 'IN_PROGRESS', a.now_ms, 1, 'FRESH', a.now_ms, a.token, a.now_ms + a.lease_ms, a.now_ms,
           a.now_ms, a.now_ms, a.ttl_ms, a.now_ms + a.lease_ms + a.orphan_ttl_ms,
           a.now_ms + a.lease_ms + a.orphan_ttl_ms + a.grace_ms, a.owner, a.claim
      from (
        select distinct on (b.namespace collate "C", b.key) b.*, coalesce(b.at_ms, v_now_ms) as now_ms
          from unnest(p_namespaces, p_keys, p_nows, p_expected, p_tokens, p_lease_ms, p_orphan_ttl_ms, p_ttl_ms,
                      p_grace_ms, p_owners, p_claims)
            as b (namespace, key, at_ms, expected, token, lease_ms, orphan_ttl_ms, ttl_ms, grace_ms, owner, claim)
         where b.expected is null
           and not exists (select from onced_store.records s where s.namespace = b.namespace collate "C" and s.key = b.key)
         order by b.namespace collate "C", b.key
      ) a
    returning r.namespace, r.lease_token
  ), counted as (
    insert into onced_store.count_changes (namespace, state, records, bytes)
    select i.namespace, 'IN_PROGRESS', count(*), 0 from inserted i group by i.namespace
  )
  select array_agg(i.lease_token) into v_inserted from inserted i;

  -- Of a key that came and went during a long wait for somebody else's insert the numbers may be greater (see remove).
  v_late_ms := onced_store.clock_ms() - v_now_ms;
  if v_late_ms > onced_store.claim_ms_max() then
    v_now_ms := v_now_ms + v_late_ms;
    update onced_store.records r
       set revision = v_now_ms, fencing_token = v_now_ms, hold_start_ms = v_now_ms, create_ms = v_now_ms, update_ms = v_now_ms,
           lease_expire_ms = r.lease_expire_ms + v_late_ms, expire_ms = r.expire_ms + v_late_ms, purge_ms = r.purge_ms + v_late_ms
      from unnest(p_namespaces, p_keys, p_nows, p_tokens) as a (namespace, key, at_ms, token)
     where r.namespace = a.namespace collate "C" and r.key = a.key and r.lease_token = a.token
       and a.token = any (v_inserted) and a.at_ms is null;
  end if;

  v_answer.ord := 0;
  v_answer.now_ms := v_now_ms;
  v_answer.attempt := coalesce(cardinality(v_inserted), 0);
  return next v_answer;
  if v_answer.attempt = cardinality(p_tokens) then return; end if;

  select array_agg(a.ord) into v_rest
    from unnest(p_tokens) with ordinality as a (token, ord)
   where a.token = any (v_inserted) is not true;
  return query
  with locked as materialized (
    select a.*, r.ctid as place, r.state as old_state, onced_store.stored_bytes(r.result, r.checkpoint) as old_bytes
      from unnest(p_namespaces, p_keys, p_nows, p_expected, p_tokens, p_lease_ms, p_orphan_ttl_ms, p_ttl_ms,
                  p_grace_ms, p_owners, p_claims) with ordinality
        as a (namespace, key, at_ms, expected, token, lease_ms, orphan_ttl_ms, ttl_ms, grace_ms, owner, claim, ord)
      join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
     where a.ord = any (v_rest)
       and onced_store.claimable(a.expected, coalesce(a.at_ms, onced_store.clock_ms()), r.revision, r.expire_ms)
       for update of r skip locked
  ), clock as materialized (
    -- Read when all rows are ours, since it counts them first.
    select onced_store.clock_ms() as now_ms from (select count(*) from locked) l
  ), written as (
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
      from (select l.*, coalesce(l.at_ms, c.now_ms) as now_ms from clock c cross join locked l) a
     where r.ctid = a.place
       and onced_store.claimable(a.expected, a.now_ms, r.revision, r.expire_ms)
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
  select r.ord::integer, true, false, r.now_ms, r.attempt_origin = 'LATE_RETRY',
         r.state, r.revision, r.attempt, r.attempt_origin, r.fencing_token, r.lease_token, r.lease_expire_ms, r.hold_start_ms,
         r.create_ms, r.update_ms, r.settle_ms, r.retry_ms, r.ttl_ms, r.expire_ms, r.result_expire_ms, r.purge_ms,
         r.owner, r.claim, r.checkpoint, r.error, r.outcome, r.settle_digest,
         r.result, r.result_bytes, r.result_dropped
    from written r
  union all
  -- The others, as this statement saw them. One that could be claimed was held or changed by somebody at that moment.
  select a.ord::integer, false,
         case when r.namespace is null then a.expected is null
              else onced_store.claimable(a.expected, coalesce(a.at_ms, c.now_ms), r.revision, r.expire_ms) end,
         coalesce(a.at_ms, c.now_ms), false,
         r.state, r.revision, r.attempt, r.attempt_origin, r.fencing_token, r.lease_token, r.lease_expire_ms, r.hold_start_ms,
         r.create_ms, r.update_ms, r.settle_ms, r.retry_ms, r.ttl_ms, r.expire_ms, r.result_expire_ms, r.purge_ms,
         r.owner, r.claim, r.checkpoint, r.error, r.outcome, r.settle_digest,
         r.result, r.result_bytes, r.result_dropped
    from clock c
   cross join unnest(p_namespaces, p_keys, p_nows, p_expected) with ordinality
      as a (namespace, key, at_ms, expected, ord)
    left join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
   where a.ord = any (v_rest) and a.ord not in (select w.ord from written w);
end
$$;
