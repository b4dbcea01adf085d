-- In: range of hashes of a namespace, after (hash, id), limit. Out: the next candidates, from the index alone.
-- Namespaces may share a range; whoever reads the rows compares the namespace.
select hash, id
from records
where hash >= @from and hash < @until and (hash, id) > (@place, @id)
order by hash, id
limit @limit
