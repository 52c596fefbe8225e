-- Does logs lie in partitions that runlog makes?
select
    relation.relkind = 'p'
    and exists (
        select
        from pg_catalog.pg_proc as routine
        where
            routine.pronamespace = relation.relnamespace
            and routine.proname = 'runlog_make_partitions'
    ) as has_months
from pg_catalog.pg_class as relation
join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
where namespace.nspname = {schema_literal} and relation.relname = 'logs'
