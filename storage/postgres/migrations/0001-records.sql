-- The records of all namespaces, and the two schemas: onced_store is the server's own, onced is for services (see
-- docs/postgres-transactions.md). Instants are milliseconds of epoch, so that no session's TimeZone can bend them; 0 is none.

create schema onced_store;
create schema onced;

create type onced_store.state as enum ('IN_PROGRESS', 'COMPLETED', 'FAILED', 'RELEASED', 'UNKNOWN');
create type onced_store.origin as enum ('FRESH', 'LATE_RETRY', 'RELEASED', 'TAKEN_OVER');

-- Texts that Onced never looks into are json, written and read by the server alone: a NUL that a caller put into an
-- owner or a label is an escape there, where text would refuse it. Keys are bytes: no collation, no normal form.
create table onced_store.records (
  namespace text collate "C" not null,
  key bytea not null,
  state onced_store.state not null,
  revision bigint not null,
  attempt integer not null,
  attempt_origin onced_store.origin not null,
  fencing_token bigint not null,
  lease_token text collate "C" not null,
  lease_expire_ms bigint not null,
  hold_start_ms bigint not null,
  create_ms bigint not null,
  update_ms bigint not null,
  settle_ms bigint not null default 0,
  retry_ms bigint not null default 0,
  ttl_ms bigint not null,
  expire_ms bigint not null,
  result_expire_ms bigint not null default 0,
  purge_ms bigint not null,
  owner bytea not null,
  claim json not null,      -- {attemptId, fingerprints: [{scheme, digest}], labels}; bytes in base64
  checkpoint bytea,
  error json,               -- {code, message, detail, contentType}; bytes in base64
  outcome json,             -- {contentType, contentEncoding, labels}
  settle_digest text collate "C" not null default '',
  result bytea,
  result_bytes integer not null default 0,
  result_dropped boolean not null default false,
  primary key (namespace, key)
) with (
  -- Each record is written twice and deleted once. By default vacuum waits until a fifth of the table is dead: of ten million
  -- records, two million. Followed closely, it has little to do each time, and the indexes stay as small as the records.
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.05,
  autovacuum_vacuum_cost_limit = 2000,
  toast.autovacuum_vacuum_scale_factor = 0.02,
  -- Giving pages at the end back to the system locks everybody out for a moment; they are needed again soon.
  vacuum_truncate = off,
  toast.vacuum_truncate = off
);
-- fillfactor stays 100: updates move records_due, so they are never in place, and at 45, 55 and 70 neither time nor log was
-- saved. Payloads stay compressible: off, 220 KB of JSON took five times the space to be stored 1.2 of 7 ms sooner, and
-- random bytes were stored no sooner.

-- What compaction looks for, oldest first.
create index records_due on onced_store.records (least(purge_ms, nullif(result_expire_ms, 0)));

-- The records in progress: orphans are found among these, not among all outcomes. By time, so that inserts append.
create index records_held on onced_store.records (lease_expire_ms) where state in ('IN_PROGRESS', 'UNKNOWN');

-- What each verb answers for the operation at place `ord` of its arrays. All record columns are null without a record.
create type onced_store.answer as (
  ord integer,
  applied boolean,
  busy boolean,             -- another transaction holds the row: nothing was judged, ask again
  now_ms bigint,
  replaced_expired boolean,
  state onced_store.state,
  revision bigint,
  attempt integer,
  attempt_origin onced_store.origin,
  fencing_token bigint,
  lease_token text,
  lease_expire_ms bigint,
  hold_start_ms bigint,
  create_ms bigint,
  update_ms bigint,
  settle_ms bigint,
  retry_ms bigint,
  ttl_ms bigint,
  expire_ms bigint,
  result_expire_ms bigint,
  purge_ms bigint,
  owner bytea,
  claim json,
  checkpoint bytea,
  error json,
  outcome json,
  settle_digest text,
  result bytea,
  result_bytes integer,
  result_dropped boolean
);

-- One row: what has been applied. The digest is of the functions, which are replaced whole when a build brings others.
create table onced_store.schema_version (
  version integer not null,
  functions_digest text not null
);
insert into onced_store.schema_version values (0, '');
