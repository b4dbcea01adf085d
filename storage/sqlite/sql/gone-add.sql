-- In: batch, places as JSON. To be written with the removal of their records.
insert into gone (batch, places)
values (?, ?)
