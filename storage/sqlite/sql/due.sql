-- In: now, namespaces left alone (JSON array), limit. Out: records that compaction has work with, longest due first; of those
-- past their purge only what purge.sql deletes.
select id, namespace, state, due_ms, purge_ms, result_bytes, result_dropped, length(checkpoint), hash
from records
where due_ms <= :now and (purge_ms > :now or revision < :now) and namespace not in (select value from json_each(:except))
order by due_ms
limit :limit
