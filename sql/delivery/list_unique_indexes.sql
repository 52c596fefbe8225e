-- By which indexes a row can be refused for another one: those with its id among their columns refuse
-- only the row itself, sent again; any other, the user's, refuses a new one, and "on conflict do
-- nothing" hides it. Asked only when fewer rows went in than were sent, or one was refused. Needs no
-- right to read tables. Its partitions are looked at too, also those of inheritance, which triggers fill.
with recursive tree (id) as (
    select
        pg_catalog.to_regclass(
            pg_catalog.quote_ident({schema_literal}) || '.' || pg_catalog.quote_ident(%(table)s)
        )::oid
    union all
    select child.inhrelid
    from pg_catalog.pg_inherits as child
    inner join tree on child.inhparent = tree.id
)

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
where
    index.indrelid in (select tree.id from tree)
    and (index.indisunique or index.indisexclusion)
