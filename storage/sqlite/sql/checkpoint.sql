-- In: checkpoint, id. Apart from extend.sql, so that a renewal does not send the bytes again.
update records
set checkpoint = ?
where id = ?
