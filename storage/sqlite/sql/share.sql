-- In: namespace. Out: how many records it has, and how many there are.
select coalesce(sum(records) filter (where namespace = ?), 0), coalesce(sum(records), 0)
from tallies
