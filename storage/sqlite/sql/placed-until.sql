-- In: id, up to which every record now has its place in the table.
update server
set placed_until = ?
where id = 1
