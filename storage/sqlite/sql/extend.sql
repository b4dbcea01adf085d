-- In: revision, lease_expire_ms, update_ms, expire_ms, purge_ms, due_ms, id. Whoever calls has checked the guard in the same transaction.
update records
set revision = ?, lease_expire_ms = ?, update_ms = ?, expire_ms = ?, purge_ms = ?, due_ms = ?
where id = ?
