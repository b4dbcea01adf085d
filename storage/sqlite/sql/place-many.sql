-- In: hash, id, eight times. As place.sql, at a little more than half of its price for each.
insert or ignore into places (hash, id)
values (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?), (?, ?)
