-- In: collection, after (name) or null, limit. Out: entries in bytewise order of name.
select collection, name, revision, value
from registry
where collection = @collection and (@after is null or name > @after)
order by name
limit @limit
