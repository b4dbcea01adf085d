-- In: hash, id. The place of a record that is gone; one that a crash has deleted already, or that never stood here, is no harm.
delete from places
where hash = ? and id = ?
