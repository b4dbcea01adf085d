-- In: after (id), limit. Out: the next candidates of a listing: all records, in the order in which they first came.
select 0, id
from records
where id > @id
order by id
limit @limit
