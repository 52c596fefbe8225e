-- The nodes of a cluster hold the rows; how many these are they do not estimate.
cross join lateral (
    select
        null::bigint as rows_estimated,
        null::bigint as dead_rows,
        case when spread.logicalrelid is null then pg_total_relation_size(piece.oid)
            else citus_total_relation_size(piece.oid) end as total_bytes,
        case when spread.logicalrelid is null then pg_table_size(piece.oid) else citus_table_size(piece.oid) end
            as table_bytes,
        case when spread.logicalrelid is null then pg_indexes_size(piece.oid)
            else citus_total_relation_size(piece.oid) - citus_table_size(piece.oid) end as index_bytes
    from pg_catalog.pg_class as piece
    left join pg_dist_partition as spread on spread.logicalrelid = piece.oid
    where piece.oid = relation.oid
) as pieces
