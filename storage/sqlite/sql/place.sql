-- In: hash, id. A place that a start has read again although it was written stands already.
insert or ignore into places (hash, id)
values (?, ?)
