-- In: id, now. Makes a tombstone of a completed record whose bytes have had their time; the key still dedupes.
update records
set result = null, result_dropped = 1, result_expire_ms = 0, due_ms = purge_ms, revision = revision + 1
where id = ? and result_expire_ms <> 0 and result_expire_ms <= ?
