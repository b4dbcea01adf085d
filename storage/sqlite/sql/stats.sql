-- Out: one row for each namespace and state that has records.
select namespace, state, records, bytes
from tallies
where records > 0
order by namespace, state
