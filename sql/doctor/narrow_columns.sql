-- Which statements give the columns that cannot hold what runlog writes their documented types?
select
    format(
        'alter table %I.%I alter column %I type %s%s',
        {schema_literal}::text,
        documented.table_name,
        documented.column_name,
        documented.type,
        case documented.type when 'jsonb' then format(' using %I::jsonb', documented.column_name) end
    ) as statement
from (
    values
        ('runs', 'script_name', 'text'),
        ('runs', 'triggered_by', 'text'),
        ('runs', 'status', 'text'),
        ('runs', 'sync_mode', 'text'),
        ('runs', 'metadata', 'jsonb'),
        ('logs', 'level', 'text'),
        ('logs', 'step', 'text'),
        ('logs', 'message', 'text'),
        ('logs', 'meta', 'jsonb')
) as documented (table_name, column_name, type)
inner join pg_catalog.pg_attribute as attribute
    on
        attribute.attrelid = to_regclass(format('%I.%I', {schema_literal}::text, documented.table_name))
        and attribute.attname = documented.column_name
where
    attribute.atttypid <> documented.type::regtype
    and (attribute.atttypid, attribute.atttypmod) <> ('varchar'::regtype, -1)
