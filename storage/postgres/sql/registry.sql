-- The documents beside the records; see Registry. Out of registry_put: the revision written, or no row value (null) where the
-- expectation (null: any; 0: none) did not hold.
create or replace function onced_store.registry_put(
  p_commit text, p_collection text, p_name text, p_value text, p_expected bigint
) returns bigint
language plpgsql
set lock_timeout = '500ms'
as $$
declare
  v_commit text := set_config('synchronous_commit', p_commit, true);
  v_revision bigint;
begin
  if p_expected is null then
    insert into onced_store.registry as r (collection, name, revision, value) values (p_collection, p_name, 1, p_value)
    on conflict (collection, name) do update set revision = r.revision + 1, value = excluded.value
    returning r.revision into v_revision;
  elsif p_expected = 0 then
    insert into onced_store.registry as r (collection, name, revision, value) values (p_collection, p_name, 1, p_value)
    on conflict (collection, name) do nothing
    returning r.revision into v_revision;
  else
    update onced_store.registry r
       set revision = r.revision + 1, value = p_value
     where r.collection = p_collection and r.name = p_name and r.revision = p_expected
    returning r.revision into v_revision;
  end if;
  return v_revision;
end
$$;

create or replace function onced_store.registry_remove(
  p_commit text, p_collection text, p_name text, p_expected bigint
) returns boolean
language plpgsql
set lock_timeout = '500ms'
as $$
declare
  v_commit text := set_config('synchronous_commit', p_commit, true);
begin
  delete from onced_store.registry r
   where r.collection = p_collection and r.name = p_name and (p_expected is null or r.revision = p_expected);
  return found;
end
$$;
