-- In: id, now, now, now. Deletes the record only once its time is over, the clock is past its revision, and never under a
-- live lease.
delete from records
where id = ? and purge_ms <= ? and revision < ? and (state <> 0 or lease_expire_ms <= ?)
