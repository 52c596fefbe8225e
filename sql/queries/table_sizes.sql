-- How much do the tables hold? The number of rows is PostgreSQL's estimate: counting takes long.
select
    named.table_name,
    nullif(relation.reltuples, -1)::bigint as rows_estimated,
    pg_stat_get_dead_tuples(relation.oid) as dead_rows,
    pg_total_relation_size(relation.oid) as total_bytes,
    pg_table_size(relation.oid) as table_bytes,
    pg_indexes_size(relation.oid) as index_bytes,
    named.oldest_at,
    named.newest_at
from (
    select
        'runs' as table_name,
        min(started_at) as oldest_at,
        max(started_at) as newest_at
    from {schema}.runs
    union all
    select
        'logs',
        min(timestamp),
        max(timestamp)
    from {schema}.logs
) as named
join pg_catalog.pg_namespace as namespace on namespace.nspname = {schema_literal}
join pg_catalog.pg_class as relation
    on relation.relnamespace = namespace.oid and relation.relname = named.table_name
order by named.table_name desc
