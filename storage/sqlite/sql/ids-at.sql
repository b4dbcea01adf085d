-- In: hash. Out: rows that may be the record at this place. Apart from find.sql: SQLite compiles a join of the two anew each
-- time that it runs, at ten times the cost.
select id
from places
where hash = ?
