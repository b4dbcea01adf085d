-- Counts of records and bytes by namespace and state, kept without a row that all writers would fight for: each call appends
-- what it changed (one row a namespace and state, however many records), and compaction folds that into totals. Statement
-- triggers would see every way of writing, and cost 8 µs a begin and complete, a sixth of all that Postgres does for it
-- (measured, batches of 64); so the functions count themselves, and whoever changes records by hand calls recount().

create table onced_store.counts (
  namespace text collate "C" not null,
  state onced_store.state not null,
  records bigint not null,
  bytes bigint not null,
  primary key (namespace, state)
);

create table onced_store.count_changes (
  namespace text collate "C" not null,
  state onced_store.state not null,
  records bigint not null,
  bytes bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000); -- emptied as fast as it fills
