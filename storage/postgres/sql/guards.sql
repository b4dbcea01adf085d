-- The two predicates that a guarded write may ask of a record, and the clock they are judged by. Each is inlined into
-- the statements that use it. decide.ts has all other rules.

-- Milliseconds of epoch now, not at the transaction's start.
create or replace function onced_store.clock_ms() returns bigint
language sql volatile parallel safe
as $$ select floor(date_part('epoch', clock_timestamp()) * 1000)::bigint $$;

-- The same for reads, which a standby would answer too, with what it has: refuses there.
create or replace function onced_store.primary_clock_ms() returns bigint
language plpgsql volatile
as $$
begin
  if pg_is_in_recovery() then
    raise exception 'this Postgres is a standby' using errcode = 'read_only_sql_transaction';
  end if;
  return onced_store.clock_ms();
end
$$;

-- The oldest that the instant of a new record may be once the record is in. What goes must have stood still for longer: it
-- may have come after that instant, and whoever takes its place must have greater numbers.
create or replace function onced_store.claim_ms_max() returns bigint
language sql immutable parallel safe
as $$ select 100::bigint $$;

-- May a claim that expects this take the record? Null expects none, or an expired one.
create or replace function onced_store.claimable(
  p_expected bigint, p_now_ms bigint, p_revision bigint, p_expire_ms bigint
) returns boolean
language sql immutable parallel safe
as $$
  select case when p_expected is null then p_now_ms >= p_expire_ms
              else p_revision = p_expected and p_now_ms < p_expire_ms end
$$;

-- Does the guard, a token or a revision, open the record? Only a revision opens RELEASED, and only to settle.
create or replace function onced_store.opens(
  p_token text, p_guard_revision bigint, p_settles boolean, p_now_ms bigint,
  p_state onced_store.state, p_lease_token text, p_revision bigint, p_expire_ms bigint
) returns boolean
language sql immutable parallel safe
as $$
  select p_now_ms < p_expire_ms
     and (p_state in ('IN_PROGRESS', 'UNKNOWN') or (p_settles and p_token is null and p_state = 'RELEASED'))
     and case when p_token is null then p_revision = p_guard_revision else p_lease_token = p_token end
$$;

-- What a record's payloads take, as stats count it.
create or replace function onced_store.stored_bytes(p_result bytea, p_checkpoint bytea) returns bigint
language sql immutable parallel safe
as $$ select coalesce(octet_length(p_result), 0)::bigint + coalesce(octet_length(p_checkpoint), 0) $$;
