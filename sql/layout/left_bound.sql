-- Is there the limit of ids that only a conversion in progress has?
select
from pg_constraint
join pg_class on pg_class.oid = conrelid
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = {schema_literal} and relname = 'logs' and conname = 'runlog_until'
