-- The index of places becomes a table that the writer fills in bulk (recent.ts). An index is written with each record, and
-- a place is random: nearly every claim dirtied a page that nothing else in its commit touched.

create table places (
  hash integer not null,
  id integer not null,
  primary key (hash, id)
) strict, without rowid;

insert into places (hash, id)
select hash, id
from records
order by hash, id;

drop index records_by_hash;

-- A record that goes takes its place along, whoever deletes it.
create trigger records_place after delete on records
begin
  delete from places where hash = old.hash and id = old.id;
end;

-- Every record up to this id has its place in the table; those after it are read from their rows at a start.
alter table server add column placed_until integer not null default 0;

update server
set placed_until = (select coalesce(max(id), 0) from records)
where id = 1;
