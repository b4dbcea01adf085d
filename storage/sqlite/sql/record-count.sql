-- Out: how many records there are.
select coalesce(sum(records), 0)
from tallies
