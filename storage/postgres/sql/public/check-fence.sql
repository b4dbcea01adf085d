-- onced.check_fence: is this lease token still the one that counts? In: namespace, key and lease token as BeginIntent gave
-- them. Out: the fencing token, to be stored beside what it protects. Raises ON001, ON002, ON003 when another attempt took
-- over, this one was settled, or there is no such intent. Invariant: nobody can take over before the calling transaction
-- ends, since it holds the record's row until then; so what it writes is in before any later attempt starts.
create or replace function onced.check_fence(namespace text, key text, lease_token bytea) returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token text := encode(lease_token, 'hex');
  v_record onced_store.records;
  v_answer onced_store.answer;
begin
  select r.* into v_record
    from onced_store.records r
   where r.namespace = check_fence.namespace and r.key = convert_to(check_fence.key, 'UTF8')
     for update;
  v_answer.now_ms := onced_store.clock_ms();
  if onced_store.opens(v_token, null, false, v_answer.now_ms, v_record.state, v_record.lease_token, v_record.revision,
                       v_record.expire_ms) is not true then
    v_answer.state := v_record.state;
    v_answer.attempt := v_record.attempt;
    v_answer.lease_token := v_record.lease_token;
    v_answer.expire_ms := v_record.expire_ms;
    perform onced_store.raise_refusal(v_answer, v_token, null);
  end if;
  return v_record.fencing_token;
end
$$;
