-- onced.fail: records that an attempt failed, in the transaction that calls it. In: namespace, key and lease token as
-- BeginIntent gave them; kind RETRYABLE (another attempt may start, after retry_after), FINAL (the failure is the outcome) or
-- UNKNOWN (held for review); the error in the caller's words; how long to keep it (null: as begun). Out: when the record
-- expires. Raises instead of returning when it did not settle: see settle-held.sql.
create or replace function onced.fail(
  namespace text, key text, lease_token bytea, kind text, code text, message text default '', detail bytea default '',
  content_type text default '', retry_after interval default '0', ttl interval default null
) returns timestamptz
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_retry_after_ms bigint := onced_store.duration_ms('retry_after', retry_after, 0, 86400000);
  v_kind text := case kind when 'RETRYABLE' then 'released' when 'FINAL' then 'failed' when 'UNKNOWN' then 'unknown' end;
  v_said bytea[];
begin
  if v_kind is null then
    raise exception 'kind must be RETRYABLE, FINAL or UNKNOWN, found %', kind using errcode = '22023';
  end if;
  perform onced_store.check_size('code', octet_length(code), 128);
  perform onced_store.check_size('message', octet_length(message), 1024);
  perform onced_store.check_size('detail', octet_length(detail), 4096);
  perform onced_store.check_size('content_type', octet_length(content_type), 128);
  v_said := case when v_kind = 'released' then array[convert_to(v_retry_after_ms::text, 'UTF8')] else '{}' end
    || array[convert_to(code, 'UTF8'), convert_to(message, 'UTF8'), detail, convert_to(content_type, 'UTF8')];
  return to_timestamp(onced_store.settle_held(
    namespace, key, lease_token,
    (case v_kind when 'released' then 'RELEASED' when 'failed' then 'FAILED' else 'UNKNOWN' end)::onced_store.state,
    null, null,
    json_build_object('code', code, 'message', message, 'detail', translate(encode(detail, 'base64'), E'\n', ''),
                      'contentType', content_type),
    v_retry_after_ms,
    onced_store.settle_digest(array[convert_to(v_kind, 'UTF8')] || v_said),
    onced_store.duration_ms('ttl', ttl, 1000, 34560000000)) / 1000.0);
end
$$;
