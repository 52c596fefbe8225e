-- By which indexes a row can be refused for another one: those with its id among their columns refuse
-- only the row itself, sent again; any other, the user's, refuses a new one, and "on conflict do
-- nothing" hides it. Asked only when fewer rows went in than were sent. Needs no right to read tables.
select
    class.relname,
    exists (
        select
        from pg_catalog.pg_attribute as attribute
        where
            attribute.attrelid = index.indrelid
            and attribute.attname = 'id'
            and attribute.attnum = any(index.indkey)
    ) as has_id
from pg_catalog.pg_index as index
inner join pg_catalog.pg_class as class on index.indexrelid = class.oid
cross join lateral (
    select pg_catalog.to_regclass(
        pg_catalog.quote_ident({schema_literal}) || '.' || pg_catalog.quote_ident(%(table)s)
    ) as id
) as asked
where
    (
        index.indrelid = asked.id
        or index.indrelid in (select tree.relid from pg_catalog.pg_partition_tree(asked.id) as tree)
    )
    and (index.indisunique or index.indisexclusion)
