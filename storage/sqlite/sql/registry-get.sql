-- In: collection, name.
select collection, name, revision, value
from registry
where collection = ? and name = ?
