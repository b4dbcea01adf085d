-- In: what a Complete sets that is not the same for each, then id. As settle.sql, for most of what it is called for: to bind a
-- null costs more than a text. Whoever calls has checked the guard in the same transaction.
update records
set
  state = 1, revision = ?, error = null, result_bytes = ?, content_type = ?, content_encoding = ?, outcome_labels = ?,
  settle_digest = ?, update_ms = ?, settle_ms = ?, ttl_ms = ?, expire_ms = ?, result_expire_ms = ?, purge_ms = ?,
  due_ms = ?, checkpoint = null, retry_ms = 0, result = ?
where id = ?
