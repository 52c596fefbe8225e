-- Supabase serves every table of an exposed schema to the roles anon and authenticated, and its
-- default privileges grant them everything. Where those roles exist, the tables are closed here:
-- row level security on, and every right taken from PUBLIC and from both roles. Row level security
-- alone would still let TRUNCATE pass. The owner and service_role are not affected.
--
-- On a plain PostgreSQL a new table belongs to its owner alone, and nothing is switched on.
--
-- Tables that were here before runlog (adopted) stay as they are, since other programs may depend
-- on their rights; "runlog migrate --secure" closes them. Only runlog_migrations, which is always
-- runlog's own, is closed in any case.
do $runlog$
declare
  strangers text;
  closing text[] := array['runlog_migrations'];
  item text;
begin
  select string_agg(quote_ident(rolname), ', ') into strangers
  from pg_roles
  where rolname in ('anon', 'authenticated');

  if strangers is null then
    return;
  end if;

  if not (select adopted from runlog_migrations where version = 1) then
    -- logs before runs: that is the order in which a writer of entries locks them.
    closing := array['logs', 'runs'] || closing;
    execute format('revoke all on sequence sync_logs_id_seq from public, %s', strangers);
  end if;

  foreach item in array closing loop
    execute format('alter table %I enable row level security', item);
    execute format('revoke all on table %I from public, %s', item, strangers);
  end loop;
end
$runlog$;
