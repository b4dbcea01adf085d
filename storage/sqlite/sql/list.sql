-- In: candidates (JSON array of ids), filters of which null means any, now, limit. Out: rows as in rows.ts, in the order
-- of the candidates, which the cross join keeps: it is never turned around.
-- instr, not substr: it compares bytes and is not cut short by a NUL.
select
  records.id, namespace, records.key, state, revision, fingerprints, labels, attempt, attempt_id, owner, lease_token, fencing_token,
  lease_expire_ms, hold_start_ms, error, retry_ms, result_bytes, result_dropped, content_type, content_encoding,
  outcome_labels, settle_digest, create_ms, update_ms, settle_ms, ttl_ms, expire_ms, result_expire_ms, purge_ms,
  attempt_origin, checkpoint
from json_each(@ids) as candidate
  cross join records on records.id = candidate.value
where
  (@includeExpired = 1 or expire_ms > @now)
  and (@namespace is null or namespace = @namespace)
  and (@states is null or state in (select value from json_each(@states)))
  and (@orphanedOnly = 0 or (expire_ms > @now and (state = 4 or (state = 0 and lease_expire_ms <= @now))))
  and (@keyPrefix is null or instr(records.key, @keyPrefix) = 1)
  and (@owner is null or owner = @owner)
  and (@updatedUntil is null or update_ms <= @updatedUntil)
limit @limit
