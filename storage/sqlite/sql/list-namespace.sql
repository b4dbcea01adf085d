-- In: range of hashes of a namespace, after (hash, id), limit. Out: the next candidates, from the index alone.
-- Namespaces may share a range; whoever reads the rows compares the namespace. The newest are not there (recent.ts).
select hash, id
from places
where hash >= @from and hash < @until and (hash, id) > (@place, @id)
order by hash, id
limit @limit
