-- In: every field that a claim sets, then id. What an outcome left in the row goes.
-- Whoever calls has found, in the same transaction, that the claim's expectation holds.
update records
set
  state = 0, revision = ?, fingerprints = ?, labels = ?, attempt = ?, attempt_id = ?, attempt_origin = ?, owner = ?,
  lease_token = ?, fencing_token = ?, lease_expire_ms = ?, hold_start_ms = ?, error = ?, create_ms = ?, update_ms = ?,
  ttl_ms = ?, expire_ms = ?, purge_ms = ?, due_ms = ?, checkpoint = ?, retry_ms = 0, result_bytes = 0, result_dropped = 0,
  content_type = '', content_encoding = '', outcome_labels = '', settle_digest = '', settle_ms = 0, result_expire_ms = 0,
  result = null
where id = ?
