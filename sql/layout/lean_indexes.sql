select relname::text
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = {schema_literal} and relname in ('idx_logs_level', 'idx_logs_run_id')
order by relname
