-- In: now, after (lease_expire_ms, id), limit. Out: the next candidates whose lease is over, longest first.
select lease_expire_ms, id
from records
where state = 0 and lease_expire_ms <= @now and (lease_expire_ms, id) > (@place, @id)
order by lease_expire_ms, id
limit @limit
