-- Is logs partitioned as runlog does it, and may this role change it?
select
    relation.relkind = 'p'
    and pg_has_role(relation.relowner, 'member')
    and exists (
        select
        from pg_catalog.pg_proc as routine
        where
            routine.pronamespace = relation.relnamespace
            and routine.proname = 'runlog_make_partitions'
    ) as is_ours
from pg_catalog.pg_class as relation
join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
where namespace.nspname = {schema_literal} and relation.relname = 'logs'
