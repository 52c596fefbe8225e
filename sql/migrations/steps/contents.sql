-- The schema and what is in it: compared before and after a migration, it tells what was created.
select 'schema' as kind, nspname::text as name
from pg_namespace
where nspname = current_setting('runlog.schema')

union all

select
  case
    when relkind = 'S' then 'sequence'
    when relkind in ('i', 'I') then 'index'
    when relkind in ('v', 'm') then 'view'
    else 'table'
  end,
  relname::text
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = current_setting('runlog.schema')
  and relkind in ('r', 'p', 'S', 'i', 'I', 'v', 'm')
  and not relispartition
  -- The indexes of primary keys come with their tables.
  and not exists (select from pg_constraint where conindid = pg_class.oid)
order by kind, name;
