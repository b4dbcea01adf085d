-- Out: up to which id every record has its place in the table, and the last id that is in use.
select placed_until, (select coalesce(max(id), 0) from records)
from server
where id = 1
