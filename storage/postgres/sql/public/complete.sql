-- onced.complete: records the outcome of an intent in the transaction that calls it. In: namespace, key and lease token as
-- BeginIntent gave them; the result and how to read it; labels, a flat object of texts; how long to keep it (null: as begun).
-- Out: when the record expires. Raises ON001, ON002, ON003 instead of returning when it did not settle: see settle-held.sql.
-- Invariant: rows of this transaction and the outcome are committed together or not at all.
create or replace function onced.complete(
  namespace text, key text, lease_token bytea, result bytea,
  content_type text default '', content_encoding text default '', labels jsonb default '{}', ttl interval default null
) returns timestamptz
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_labels bytea[];
begin
  if result is null then
    raise exception 'result must not be null; an empty result is a result' using errcode = '22004';
  end if;
  if jsonb_typeof(labels) <> 'object' or exists (select from jsonb_each(labels) l where jsonb_typeof(l.value) <> 'string') then
    raise exception 'labels must be an object of texts' using errcode = '22023';
  end if;
  perform onced_store.check_size('result', octet_length(result), 1048576);
  perform onced_store.check_size('content_type', octet_length(content_type), 128);
  perform onced_store.check_size('content_encoding', octet_length(content_encoding), 64);
  select coalesce(array_agg(p.part order by l.key collate "C", p.ord), '{}') into v_labels
    from jsonb_each_text(labels) l,
         unnest(array[convert_to(l.key, 'UTF8'), convert_to(l.value, 'UTF8')]) with ordinality as p (part, ord);
  return to_timestamp(onced_store.settle_held(
    namespace, key, lease_token, 'COMPLETED', result,
    json_build_object('contentType', content_type, 'contentEncoding', content_encoding, 'labels', labels), null, null,
    onced_store.settle_digest(array[convert_to('completed', 'UTF8'), result, convert_to(content_type, 'UTF8'),
                                    convert_to(content_encoding, 'UTF8')] || v_labels),
    onced_store.duration_ms('ttl', ttl, 1000, 34560000000)) / 1000.0);
end
$$;
