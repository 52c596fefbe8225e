-- Makes the place in which the migrations work: the schema, the search path of this transaction,
-- and the table that says which files have been applied.

-- Not "create schema if not exists", which wants the right to create even with nothing to create.
do $runlog$
begin
  if not exists (select from pg_namespace where nspname = current_setting('runlog.schema')) then
    execute format('create schema %I', current_setting('runlog.schema'));
  end if;
end
$runlog$;

-- pg_temp last: unnamed it would come first, and a temporary table called "logs" would be migrated.
set local search_path to {schema}, pg_temp;

create table if not exists runlog_migrations (
  version integer primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now(),
  -- Whether runs or logs were here before runlog came.
  adopted boolean not null
);
