-- Out: what is still to leave the table of places, a row for each batch that removed records.
select batch, places
from gone
order by batch
