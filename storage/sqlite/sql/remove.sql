-- In: id, revision, force (0 or 1), now. Deletes nothing unless the record still stands at the revision and, without
-- force, carries no live lease.
delete from records
where id = ? and revision = ? and (? = 1 or state <> 0 or lease_expire_ms <= ?)
