-- Counts; see Store.stats. In: $1 now or null. Out: the clock, orphans, since when the oldest is one (or null), bytes in the
-- engine; and a namespace, state, records, bytes (or nulls): at least one row. Scans what was not folded yet and the records
-- in progress, never all.
with clock as materialized (select coalesce($1::bigint, onced_store.primary_clock_ms()) as now_ms),
orphans as (
  select count(*) as records, min(case when r.state = 'UNKNOWN' then r.settle_ms else r.lease_expire_ms end) as since_ms
    from onced_store.records r, clock c
   where r.state in ('IN_PROGRESS', 'UNKNOWN') and c.now_ms < r.expire_ms
     and (r.state = 'UNKNOWN' or c.now_ms >= r.lease_expire_ms)
),
groups as (
  select g.namespace, g.state, sum(g.records) as records, sum(g.bytes) as bytes
    from (
      select namespace, state, records, bytes from onced_store.counts
      union all
      select namespace, state, records, bytes from onced_store.count_changes
    ) g
   group by g.namespace, g.state
  having sum(g.records) > 0
)
select c.now_ms, o.records, o.since_ms, pg_total_relation_size('onced_store.records'),
       g.namespace, g.state, g.records, g.bytes
  from clock c cross join orphans o left join groups g on true
