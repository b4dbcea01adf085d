-- In: id, now, now. Deletes the record only once its time is over and never under a live lease.
delete from records
where id = ? and purge_ms <= ? and (state <> 0 or lease_expire_ms <= ?)
