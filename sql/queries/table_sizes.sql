-- How much do the tables hold? The number of rows is PostgreSQL's estimate: counting takes long.
select
    named.table_name,
    pieces.rows_estimated,
    pieces.dead_rows,
    pieces.total_bytes,
    pieces.table_bytes,
    pieces.index_bytes,
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
{size_of_relation}
order by named.table_name desc
