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
-- A partitioned table holds nothing itself; the tree of a plain one is the table alone.
cross join lateral (
    select
        sum(nullif(piece.reltuples, -1))::bigint as rows_estimated,
        sum(pg_stat_get_dead_tuples(piece.oid))::bigint as dead_rows,
        sum(pg_total_relation_size(piece.oid))::bigint as total_bytes,
        sum(pg_table_size(piece.oid))::bigint as table_bytes,
        sum(pg_indexes_size(piece.oid))::bigint as index_bytes
    from (
        select relation.oid where relation.relkind <> 'p'
        union all
        select relid from pg_catalog.pg_partition_tree(relation.oid) where isleaf
    ) as leaves (oid)
    join pg_catalog.pg_class as piece on piece.oid = leaves.oid
) as pieces
order by named.table_name desc
