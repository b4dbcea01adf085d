-- Counts of records and bytes by namespace and state, kept without a row that all writers would fight for: each statement
-- appends what it changed (one row a namespace and state, however many records), and compaction folds that into totals.
-- Statement triggers see every way of writing, settling inside a service's own transaction included.

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

create function onced_store.stored_bytes(p_result bytea, p_checkpoint bytea) returns bigint
language sql immutable parallel safe
as $$ select coalesce(octet_length(p_result), 0)::bigint + coalesce(octet_length(p_checkpoint), 0) $$;

create function onced_store.count_inserted() returns trigger
language plpgsql
as $$
begin
  insert into onced_store.count_changes (namespace, state, records, bytes)
  select n.namespace, n.state, count(*), sum(onced_store.stored_bytes(n.result, n.checkpoint))
    from new_rows n
   group by n.namespace, n.state;
  return null;
end
$$;

create function onced_store.count_updated() returns trigger
language plpgsql
as $$
begin
  insert into onced_store.count_changes (namespace, state, records, bytes)
  select c.namespace, c.state, sum(c.records), sum(c.bytes)
    from (
      select n.namespace, n.state, 1 as records, onced_store.stored_bytes(n.result, n.checkpoint) as bytes from new_rows n
      union all
      select o.namespace, o.state, -1, -onced_store.stored_bytes(o.result, o.checkpoint) from old_rows o
    ) c
   group by c.namespace, c.state
  having sum(c.records) <> 0 or sum(c.bytes) <> 0;
  return null;
end
$$;

create function onced_store.count_deleted() returns trigger
language plpgsql
as $$
begin
  insert into onced_store.count_changes (namespace, state, records, bytes)
  select o.namespace, o.state, -count(*), -sum(onced_store.stored_bytes(o.result, o.checkpoint))
    from old_rows o
   group by o.namespace, o.state;
  return null;
end
$$;

create trigger records_inserted after insert on onced_store.records
  referencing new table as new_rows for each statement execute function onced_store.count_inserted();
create trigger records_updated after update on onced_store.records
  referencing old table as old_rows new table as new_rows for each statement execute function onced_store.count_updated();
create trigger records_deleted after delete on onced_store.records
  referencing old table as old_rows for each statement execute function onced_store.count_deleted();
