-- In: id and what a first claim sets that is not the same for each. Whoever calls has found, in the same transaction, that the
-- key has no row. A null is written here: to bind one costs more than a text.
-- A plain insert, apart from claim.sql: `or replace` makes SQLite copy every page that it touches.
insert into records (
  id, hash, namespace, key, state, revision, fingerprints, labels, attempt, attempt_id, attempt_origin, owner,
  lease_token, fencing_token, lease_expire_ms, hold_start_ms, error, create_ms, update_ms, ttl_ms, expire_ms, purge_ms,
  due_ms, checkpoint, retry_ms, result_bytes, result_dropped, content_type, content_encoding, outcome_labels, settle_digest,
  settle_ms, result_expire_ms, result
)
values (
  ?, ?, ?, ?, 0, ?, ?, ?, 1, ?, 0, ?, ?, ?, ?, ?, null, ?, ?, ?, ?, ?, ?, null, 0, 0, 0, '', '', '', '', 0, 0, null
)
