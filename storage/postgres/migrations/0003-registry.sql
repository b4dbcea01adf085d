-- The documents beside the records (policies, API keys, audit events), and the row that a ping writes.

create table onced_store.registry (
  collection text collate "C" not null,
  name text collate "C" not null,
  revision bigint not null,
  value text not null,
  primary key (collection, name)
);

-- One row, rewritten in place: room for many versions in its page.
create table onced_store.heartbeat (beat_ms bigint not null) with (fillfactor = 10);
insert into onced_store.heartbeat values (0);
