-- Could somebody else's table, trigger or rule refuse that a run or an entry goes? And may this role delete?
select
    exists (
        select
        from pg_catalog.pg_constraint
        where
            contype = 'f'
            and conparentid = 0
            and confrelid in (ours.runs, ours.logs)
            and conrelid <> ours.logs
    )
    or exists (
        select
        from pg_catalog.pg_trigger
        where
            tgrelid in (ours.runs, ours.logs)
            and not tgisinternal
            and tgenabled <> 'D'
            -- 8: fires at DELETE.
            and tgtype & 8 <> 0
    )
    or exists (
        select
        from pg_catalog.pg_rewrite
        where
            ev_class in (ours.runs, ours.logs)
            -- 4: a rule for DELETE.
            and ev_type = '4'
    ) as has_obstacles,
    has_table_privilege(ours.runs, 'delete') and has_table_privilege(ours.logs, 'delete')
        as may_delete
from (
    select
        max(relation.oid) filter (where relation.relname = 'runs') as runs,
        max(relation.oid) filter (where relation.relname = 'logs') as logs
    from pg_catalog.pg_class as relation
    join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
    where namespace.nspname = {schema_literal} and relation.relname in ('runs', 'logs')
) as ours
