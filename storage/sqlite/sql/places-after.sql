-- In: hash, limit. Out: the next places.
select hash
from places
where hash > ?
order by hash
limit ?
