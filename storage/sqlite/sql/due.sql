-- In: now, namespaces left alone (JSON array), limit. Out: records that compaction has work with, longest due first.
select id, namespace, state, due_ms, purge_ms, result_bytes, result_dropped, length(checkpoint), hash
from records
where due_ms <= ? and namespace not in (select value from json_each(?))
order by due_ms
limit ?
