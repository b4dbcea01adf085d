-- In: namespace, state, change of records, change of bytes.
insert into tallies (namespace, state, records, bytes)
values (?, ?, ?, ?)
on conflict (namespace, state) do update
set records = records + excluded.records, bytes = bytes + excluded.bytes
