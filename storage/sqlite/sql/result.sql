-- In: id. Out: the result bytes, null when there are none.
select result
from records
where id = ?
