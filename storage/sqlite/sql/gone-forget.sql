-- In: batch, limit. Some of the batches up to that one, all of whose places have left.
delete from gone
where batch in (
  select batch
  from gone
  where batch <= ?
  order by batch
  limit ?
)
