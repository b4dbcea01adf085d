-- In: id, revision, now, force (0 or 1), now. Deletes nothing unless the record still stands at the revision, the clock is
-- past it and, without force, no lease is live.
delete from records
where id = ? and revision = ? and revision < ? and (? = 1 or state <> 0 or lease_expire_ms <= ?)
