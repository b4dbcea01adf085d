-- Settles one record inside the caller's transaction, for the public functions. In: the record, its token, and what to settle
-- to, as for settle; p_ttl_ms null for the record's own (for UNKNOWN: as long as an abandoned record would have stayed). Out:
-- when the record expires. Waits for whoever holds the record. Invariant: it returns only if this call settled the record;
-- else it raises, so that the caller's transaction cannot commit by mistake: ON001 lease lost, ON002 already settled,
-- ON003 no such intent.
create or replace function onced_store.settle_held(
  p_namespace text, p_key text, p_lease_token bytea, p_state onced_store.state, p_result bytea, p_outcome json, p_error json,
  p_retry_after_ms bigint, p_digest text, p_ttl_ms bigint
) returns bigint
language plpgsql
as $$
declare
  v_key bytea := convert_to(p_key, 'UTF8');
  v_token text := encode(p_lease_token, 'hex');
  v_record onced_store.records;
  v_answer onced_store.answer;
begin
  select r.* into v_record from onced_store.records r where r.namespace = p_namespace and r.key = v_key for update;
  select s.* into v_answer
    from onced_store.settle(
      -- As durable as Onced's own writes, unless the service asked for more.
      case when current_setting('synchronous_commit') in ('off', 'local') then 'on' else current_setting('synchronous_commit') end,
      array[p_namespace], array[v_key], null, array[v_token], null, array[p_state], array[p_result], array[p_outcome],
      array[p_error], array[coalesce(p_ttl_ms, v_record.ttl_ms)], array[p_retry_after_ms], array[p_digest],
      array[case when p_state = 'UNKNOWN' then coalesce(p_ttl_ms, v_record.expire_ms - v_record.lease_expire_ms) else p_ttl_ms end],
      array[coalesce(v_record.purge_ms - v_record.expire_ms, 0)]) s;
  if not v_answer.applied then
    perform onced_store.raise_refusal(v_answer, v_token, p_digest);
  end if;
  return v_answer.expire_ms;
end
$$;

-- Raises what stands in the way of a holder; the table is decideHolder in storage/contract/decide.ts.
create or replace function onced_store.raise_refusal(p_answer onced_store.answer, p_token text, p_digest text) returns void
language plpgsql
as $$
begin
  if p_answer.state is null or p_answer.now_ms >= p_answer.expire_ms then
    raise exception 'INTENT_NOT_FOUND: no such intent in this namespace, or it has expired' using errcode = 'ON003';
  elsif p_answer.lease_token <> p_token then
    raise exception 'LEASE_LOST: another attempt holds or has settled this key'
      using errcode = 'ON001', detail = format('attempt %s, %s', p_answer.attempt, p_answer.state);
  end if;
  raise exception 'ALREADY_SETTLED: this attempt was settled before, and that stands'
    using errcode = 'ON002',
          detail = case when p_answer.settle_digest = p_digest then 'same content' else 'other content' end,
          hint = 'With the same content, an earlier try of this transaction was committed: do not commit this one too.';
end
$$;

-- SHA-256 (hex) over all parts of what a holder said, as server/calls/settle-digest.ts makes it, so that a repeat over gRPC is
-- known for one: the lengths as 32-bit numbers first, then the parts.
create or replace function onced_store.settle_digest(p_parts bytea[]) returns text
language sql immutable
as $$
  select encode(sha256(
    coalesce((select string_agg(int4send(octet_length(p.part)), ''::bytea order by p.ord) from unnest(p_parts) with ordinality as p (part, ord)), ''::bytea)
    || coalesce((select string_agg(p.part, ''::bytea order by p.ord) from unnest(p_parts) with ordinality as p (part, ord)), ''::bytea)
  ), 'hex')
$$;

-- A duration of a caller in milliseconds, or null. Raises when it is out of the bounds of DESIGN.md 5.
create or replace function onced_store.duration_ms(p_name text, p_value interval, p_ms_min bigint, p_ms_max bigint) returns bigint
language plpgsql immutable
as $$
declare
  v_ms bigint := ceil(extract(epoch from p_value) * 1000)::bigint;
begin
  if v_ms < p_ms_min or v_ms > p_ms_max then
    raise exception '% must be from % to % ms, found %', p_name, p_ms_min, p_ms_max, v_ms using errcode = '22023';
  end if;
  return v_ms;
end
$$;

-- Raises when a caller's bytes are more than the limit of DESIGN.md 5.
create or replace function onced_store.check_size(p_name text, p_bytes integer, p_bytes_max integer) returns void
language plpgsql immutable
as $$
begin
  if p_bytes > p_bytes_max then
    raise exception '% must be at most % bytes, found %', p_name, p_bytes_max, p_bytes using errcode = '22023';
  end if;
end
$$;
