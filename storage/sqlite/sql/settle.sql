-- In: every field that a settlement sets, then id. Whoever calls has checked the guard in the same transaction.
update records
set
  state = ?, revision = ?, error = ?, retry_ms = ?, result_bytes = ?, content_type = ?, content_encoding = ?,
  outcome_labels = ?, settle_digest = ?, update_ms = ?, settle_ms = ?, ttl_ms = ?, expire_ms = ?,
  result_expire_ms = ?, purge_ms = ?, due_ms = ?, checkpoint = ?, result = ?
where id = ?
