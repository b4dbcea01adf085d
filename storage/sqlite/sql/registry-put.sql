-- In: collection, name, revision, value. Whoever calls has checked the expected revision in the same transaction.
insert into registry (collection, name, revision, value)
values (?, ?, ?, ?)
on conflict (collection, name) do update
set revision = excluded.revision, value = excluded.value
