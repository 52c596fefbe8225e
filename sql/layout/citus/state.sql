-- How the tables lie in this cluster: the column by which each is distributed, if it is.
select
  column_to_column_name(runs.logicalrelid, runs.partkey) as runs_by,
  column_to_column_name(logs.logicalrelid, logs.partkey) as logs_by,
  coalesce(runs.colocationid = logs.colocationid, false) as are_together,
  relkind = 'p' as is_partitioned
from pg_class
join pg_namespace as namespace on namespace.oid = relnamespace
left join pg_dist_partition as logs on logs.logicalrelid = pg_class.oid
left join pg_dist_partition as runs
  on runs.logicalrelid = to_regclass(format('%I.runs', namespace.nspname))
where nspname = {schema_literal} and relname = 'logs'
