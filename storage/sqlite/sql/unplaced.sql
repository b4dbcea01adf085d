-- In: id. Out: places and ids of the records after it.
select hash, id
from records
where id > ?
