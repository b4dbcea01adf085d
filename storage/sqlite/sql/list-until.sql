-- In: after (id), at most this many rows. Out: the id where one slice of a listing ends, null past the last row.
-- A slice bounds how long one listing keeps the writer, however few rows match.
select max(id)
from (select id from records where id > ? order by id limit ?)
