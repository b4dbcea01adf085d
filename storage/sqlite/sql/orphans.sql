-- In: now. Out: how many orphans there are, and since when the oldest is one (null without any).
select count(*), min(since_ms)
from (
  select lease_expire_ms as since_ms
  from records
  where state = 0 and lease_expire_ms <= @now and expire_ms > @now
  union all
  select settle_ms
  from records
  where state = 4 and expire_ms > @now
)
