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
