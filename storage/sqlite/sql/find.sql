-- In: id, namespace, key. Out: at most one row, columns as in rows.ts, without result bytes.
-- Two keys may share a place; namespace and key are compared byte by byte.
select
  id, namespace, key, state, revision, fingerprints, labels, attempt, attempt_id, owner, lease_token, fencing_token,
  lease_expire_ms, hold_start_ms, error, retry_ms, result_bytes, result_dropped, content_type, content_encoding,
  outcome_labels, settle_digest, create_ms, update_ms, settle_ms, ttl_ms, expire_ms, result_expire_ms, purge_ms,
  attempt_origin, checkpoint
from records
where id = ? and namespace = ? and key = ?
