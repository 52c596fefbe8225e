-- What a role needs to record runs and entries, and no more: it cannot read logs, nor delete.
-- The policies count only once row level security is on; they are there before, so that switching
-- it on later does not stop the writer.
set local runlog.role to {role_literal};

grant usage on schema {schema} to {role};

-- Whichever sequence numbers the runs: in an adopted database it may have another name or schema.
do $runlog$
declare
  numbering regclass;
begin
  for numbering in
    select distinct pg_class.oid
    from pg_attrdef
    join pg_depend on classid = 'pg_attrdef'::regclass and objid = pg_attrdef.oid
    join pg_class on refclassid = 'pg_class'::regclass and refobjid = pg_class.oid
    where adrelid = to_regclass('runs') and relkind = 'S'
  loop
    execute format('grant usage on sequence %s to %I', numbering, current_setting('runlog.role'));
  end loop;
end
$runlog$;

-- "on conflict do nothing" without a target and without "returning" needs no right to read.
grant insert on logs to {role};

grant
  insert,
  -- "where" and the questions a starting run asks: who else is alive, when did this last succeed.
  select (
    id,
    legacy_id,
    batch_id,
    script_name,
    started_at,
    finished_at,
    status,
    sync_mode,
    sync_start_date,
    sync_end_date,
    metadata,
    -- Only a process that joins another's run adds to what is there.
    records_fetched,
    records_inserted,
    records_updated,
    records_failed,
    calls_analyzed,
    api_cost
  ),
  -- Not the columns that say which run it is.
  update (
    batch_id,
    triggered_by,
    finished_at,
    duration_ms,
    status,
    error_message,
    records_fetched,
    records_inserted,
    records_updated,
    records_failed,
    sync_mode,
    sync_start_date,
    sync_end_date,
    calls_analyzed,
    api_cost,
    metadata
  )
on runs to {role};

grant select (version) on runlog_migrations to {role};

-- logs before runs: that is the order in which a writer of entries locks them.
drop policy if exists {insert_policy} on logs;
create policy {insert_policy} on logs for insert to {role} with check (true);

drop policy if exists {insert_policy} on runs;
create policy {insert_policy} on runs for insert to {role} with check (true);

drop policy if exists {select_policy} on runs;
create policy {select_policy} on runs for select to {role} using (true);

drop policy if exists {update_policy} on runs;
create policy {update_policy} on runs for update to {role} using (true) with check (true);

drop policy if exists {select_policy} on runlog_migrations;
create policy {select_policy} on runlog_migrations for select to {role} using (true);
