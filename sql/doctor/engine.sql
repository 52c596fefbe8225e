-- Which engine answers? Many speak PostgreSQL's language and are something else behind it. Asked before
-- anything else, in words that all of them know.
select
    version() as version,
    array(select extname::text from pg_extension order by extname) as extensions,
    current_setting('neon.timeline_id', true) is not null as is_neon,
    exists (
        select 1
        from pg_inherits
        join pg_class as chunk on chunk.oid = inhrelid
        join pg_namespace as chunks on chunks.oid = chunk.relnamespace
        join pg_class as relation on relation.oid = inhparent
        join pg_namespace as namespace on namespace.oid = relation.relnamespace
        where
            chunks.nspname = '_timescaledb_internal'
            and namespace.nspname = {schema_literal}
            and relation.relname in ('runs', 'logs')
    ) as is_hypertable
