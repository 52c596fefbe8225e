-- Closes the tables to everyone but their owner, superusers, roles that bypass row level security,
-- and the roles that have a policy (see writer.sql and reader.sql). Takes every right from PUBLIC
-- and from Supabase's anon and authenticated: row level security alone would let TRUNCATE pass.
-- Not "force row level security": the owner is the one who migrates, sweeps and deletes.
do $runlog$
declare
  strangers text;
  item regclass;
begin
  select concat_ws(', ', 'public', string_agg(quote_ident(rolname), ', ')) into strangers
  from pg_roles
  where rolname in ('anon', 'authenticated');

  -- logs before runs: that is the order in which a writer of entries locks them.
  for item in
    select pg_class.oid
    from pg_class
    where
      relnamespace = (select relnamespace from pg_class where oid = to_regclass('runs'))
      and relkind in ('r', 'p')
      and (relname in ('logs', 'runs') or starts_with(relname, 'runlog_'))
    order by relname like 'runlog%', relname
  loop
    if not (select relrowsecurity from pg_class where oid = item) then
      execute format('alter table %s enable row level security', item);
    end if;
    execute format('revoke all on table %s from %s', item, strangers);
  end loop;

  for item in
    select distinct pg_class.oid
    from pg_attrdef
    join pg_depend on classid = 'pg_attrdef'::regclass and objid = pg_attrdef.oid
    join pg_class on refclassid = 'pg_class'::regclass and refobjid = pg_class.oid
    where adrelid = to_regclass('runs') and relkind = 'S'
  loop
    execute format('revoke all on sequence %s from %s', item, strangers);
  end loop;
end
$runlog$;
