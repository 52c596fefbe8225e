-- Is this the coordinator of the Citus cluster, and are both tables spread over it as runlog does it?
select
    (select groupid = 0 from pg_dist_local_group) as is_coordinator,
    count(*) filter (where partkey is not null) as spread,
    count(distinct colocationid) = 1
    and bool_and(
        column_to_column_name(logicalrelid, partkey) = case relname when 'runs' then 'id' else 'run_id' end
    ) as are_together
from pg_dist_partition
join pg_class on pg_class.oid = logicalrelid
join pg_namespace as namespace on namespace.oid = relnamespace
where namespace.nspname = {schema_literal} and relname in ('runs', 'logs')
