-- Deletes many records; see Store.remove. In: parallel arrays, one element an operation, no key twice; p_nows null for the
-- clock. Out: a row an operation. Invariant: a record goes only at the revision that was seen, once the clock is past that by
-- as much as a claim may take, and never under a live lease without force. Never waits for a row: see claim.
create or replace function onced_store.remove(
  p_commit text, p_namespaces text[], p_keys bytea[], p_nows bigint[], p_revisions bigint[], p_forces boolean[]
) returns table (ord integer, applied boolean, busy boolean)
language plpgsql
set lock_timeout = '500ms'
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_commit text := set_config('synchronous_commit', p_commit, true);
  v_now_ms bigint;
  v_locked bigint[];
  v_removed bigint[];
begin
  select array_agg(l.ord) into v_locked from (
    select a.ord
      from unnest(p_namespaces, p_keys, p_revisions) with ordinality as a (namespace, key, revision, ord)
      join onced_store.records r on r.namespace = a.namespace collate "C" and r.key = a.key
     where r.revision = a.revision
       for update of r skip locked
  ) l;
  v_now_ms := onced_store.clock_ms();

  with removed as (
    delete from onced_store.records r
     using unnest(p_namespaces, p_keys, p_nows, p_revisions, p_forces) with ordinality
             as a (namespace, key, at_ms, revision, force, ord)
     where a.ord = any (v_locked)
       and r.namespace = a.namespace collate "C" and r.key = a.key and r.revision = a.revision
       and r.revision < coalesce(a.at_ms, v_now_ms - onced_store.claim_ms_max())
       and (a.force or r.state <> 'IN_PROGRESS' or coalesce(a.at_ms, v_now_ms) >= r.lease_expire_ms)
    returning a.ord, r.namespace, r.state, onced_store.stored_bytes(r.result, r.checkpoint) as bytes
  ), counted as (
    insert into onced_store.count_changes (namespace, state, records, bytes)
    select d.namespace, d.state, -count(*), -sum(d.bytes) from removed d group by d.namespace, d.state
  )
  select array_agg(d.ord) into v_removed from removed d;

  return query
  select a.ord::integer, a.ord = any (v_removed) is true, r.key is not null and a.ord = any (v_locked) is not true
    from unnest(p_namespaces, p_keys, p_revisions) with ordinality as a (namespace, key, revision, ord)
    left join onced_store.records r
      on r.namespace = a.namespace collate "C" and r.key = a.key and r.revision = a.revision;
end
$$;
