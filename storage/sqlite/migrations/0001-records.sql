-- The first schema: records, their tallies, the registry and the server's own row.
-- Migrations only go forward: never edit a numbered file once it was released, add the next number.

-- A rowid table: rows stand in the order they came, so the pages that a busy server writes are few and warm. `hash`
-- (hash.ts) is a number: an index over it stays half the size of one over the text. It is not unique; every statement
-- that looks a record up compares namespace and key too, byte by byte.
create table records (
  id integer primary key,
  hash integer not null,
  namespace text not null,
  key text not null,
  state integer not null, -- position in STORED_STATES, from 0: IN_PROGRESS, COMPLETED, FAILED, RELEASED, UNKNOWN
  revision integer not null,
  fingerprints text not null, -- '' or JSON: [[scheme, digest as hex], ...]
  labels text not null, -- '' or JSON
  attempt integer not null,
  attempt_id text not null,
  attempt_origin integer not null, -- position in ATTEMPT_ORIGINS (rows.ts), from 0
  owner text not null,
  lease_token text not null,
  fencing_token integer not null,
  lease_expire_ms integer not null,
  hold_start_ms integer not null,
  error text, -- JSON: [code, message, content type, detail as base64]
  retry_ms integer not null,
  result_bytes integer not null,
  result_dropped integer not null,
  content_type text not null,
  content_encoding text not null,
  outcome_labels text not null, -- '' or JSON
  settle_digest text not null,
  create_ms integer not null,
  update_ms integer not null,
  settle_ms integer not null,
  ttl_ms integer not null,
  expire_ms integer not null,
  result_expire_ms integer not null,
  purge_ms integer not null,
  due_ms integer not null, -- when compaction next has work here: the sooner of purge_ms and result_expire_ms
  -- The two long ones stand last, so that reading what is before them never loads their overflow pages.
  checkpoint blob,
  result blob
) strict;

create index records_by_hash on records (hash);
create index records_by_due on records (due_ms);

-- Orphans without a scan, counted from the index alone. Partial, so that a settled record costs nothing here.
create index records_by_lease on records (lease_expire_ms, expire_ms) where state = 0;
create index records_by_unknown on records (settle_ms, expire_ms) where state = 4;

-- Kept in the same transaction as the records, so that stats never has to count ten million rows.
create table tallies (
  namespace text not null,
  state integer not null,
  records integer not null,
  bytes integer not null,
  primary key (namespace, state)
) strict, without rowid;

create table registry (
  collection text not null,
  name text not null,
  revision integer not null,
  value text not null,
  primary key (collection, name)
) strict, without rowid;

-- One row. clock_ms: no instant that was ever written is later, so that the store's clock never runs backwards.
-- hash_secret: without it nobody can pick keys that share a hash.
create table server (
  id integer primary key check (id = 1),
  clock_ms integer not null,
  pings integer not null,
  hash_secret text not null
) strict;

insert into server (id, clock_ms, pings, hash_secret) values (1, 0, 0, lower(hex(randomblob(16))));
