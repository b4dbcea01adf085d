-- One page of records; see Store.list. In: $1 now or null, $2 namespace or null, $3 states or null, $4 orphans only,
-- $5 and $6 the keys from and below which (null: no prefix), $7 owner or null, $8 least age in ms or null, $9 expired too,
-- $10 and $11 namespace and key of the record before the page, $12 limit. Out: the clock, and the record or nulls; at least
-- one row. Planned anew for the values each time, so that what is null costs nothing and orphans come from their own index.
with clock as materialized (select coalesce($1::bigint, onced_store.primary_clock_ms()) as now_ms)
select c.now_ms, l.*
  from clock c
  left join lateral (
    select r.namespace, r.key,
           r.state, r.revision, r.attempt, r.attempt_origin, r.fencing_token, r.lease_token, r.lease_expire_ms, r.hold_start_ms,
           r.create_ms, r.update_ms, r.settle_ms, r.retry_ms, r.ttl_ms, r.expire_ms, r.result_expire_ms, r.purge_ms,
           r.owner, r.claim, r.checkpoint, r.error, r.outcome, r.settle_digest,
           null::bytea as result, r.result_bytes, r.result_dropped
      from onced_store.records r
     where (r.namespace, r.key) > ($10::text collate "C", $11::bytea)
       and ($2::text is null or r.namespace = $2::text)
       and ($3::onced_store.state[] is null or r.state = any ($3::onced_store.state[]))
       and (not $4::boolean or (r.state in ('IN_PROGRESS', 'UNKNOWN') and c.now_ms < r.expire_ms
                                and (r.state = 'UNKNOWN' or c.now_ms >= r.lease_expire_ms)))
       and ($5::bytea is null or (r.key >= $5::bytea and substring(r.key for octet_length($5::bytea)) = $5::bytea))
       and ($6::bytea is null or r.key < $6::bytea)
       and ($7::bytea is null or r.owner = $7::bytea)
       and ($8::bigint is null or r.update_ms + $8::bigint <= c.now_ms)
       and ($9::boolean or c.now_ms < r.expire_ms)
     order by r.namespace, r.key
     limit $12::integer
  ) l on true
 order by l.namespace, l.key
