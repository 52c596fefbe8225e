-- A run and its entries lie on one node, by the run's id. Citus wants that column in every unique key, so
-- the primary key of logs begins with it. One transaction: writers wait, their entries in the spool.
lock table {schema}.runs, {schema}.logs in access exclusive mode;

do $runlog$
declare
  logs constant regclass := format('%I.logs', {schema_literal})::regclass;
  primary_key text;
begin
  select conname into primary_key from pg_constraint where conrelid = logs and contype = 'p';
  if found then
    execute format('alter table %s drop constraint %I', logs, primary_key);
  end if;
end
$runlog$;

alter table {schema}.logs add constraint logs_pkey primary key (run_id, id);

select create_distributed_table(format('%I.runs', {schema_literal})::regclass, 'id');

select create_distributed_table(
  format('%I.logs', {schema_literal})::regclass, 'run_id', colocate_with => format('%I.runs', {schema_literal})
);
