-- How logs lies now: 'plain', 'partitioned' as runlog does it, or 'other'; and when the partitions that
-- are there end.
select
  case
    when relkind = 'r' then 'plain'
    when replace(pg_get_partkeydef(pg_class.oid), '"', '') = 'RANGE (id)'
      and exists (
        select from pg_inherits
        join pg_class as child on child.oid = inhrelid
        join pg_namespace as closed on closed.oid = child.relnamespace
        where inhparent = pg_class.oid and closed.nspname = {closed_literal}
      ) then 'partitioned'
    else 'other'
  end
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = {schema_literal} and relname = 'logs'
