-- The nodes of a cluster hold the rows; how many these are they do not estimate.
cross join lateral (
    select
        null::bigint as rows_estimated,
        null::bigint as dead_rows,
        case when is_spread then citus_total_relation_size(relation.oid) else pg_total_relation_size(relation.oid) end
            as total_bytes,
        case when is_spread then citus_table_size(relation.oid) else pg_table_size(relation.oid) end as table_bytes,
        case
            when is_spread then citus_total_relation_size(relation.oid) - citus_table_size(relation.oid)
            else pg_indexes_size(relation.oid)
        end as index_bytes
    from (
        select exists (select 1 from pg_dist_partition where logicalrelid = relation.oid) as is_spread
    ) as known
) as pieces
