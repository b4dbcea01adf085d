-- The place of a record that goes leaves the table in bulk too (recent.ts), after its record: a trigger deleted each with its
-- record, and as a place is random, nearly every one dirtied a page of its own.

drop trigger records_place;

-- Places that are still to leave: a row for each batch that removed records.
create table gone (
  batch integer primary key,
  places text not null -- JSON: [[hash, id], ...]
) strict;
