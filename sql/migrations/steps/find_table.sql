-- Is the table of applied migrations there? Asks no right of the role that asks.
select
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = {schema_literal} and relname = 'runlog_migrations';
