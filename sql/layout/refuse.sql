-- Stops when something holds on to logs that would hold on to the table of before, and says what.
do $runlog$
declare
  old constant regclass := format('%I.logs', {schema_literal})::regclass;
  fault record;
begin
  select said, remedy into fault
  from (
    select 1 as rank, format('%s belongs to %s', old, relowner::regrole) as said,
      format('connect as %s', relowner::regrole) as remedy
    from pg_class
    where oid = old and not pg_has_role(relowner, 'member')

    union all

    select 2, format('the primary key of %s is not its id alone', old),
      'bring the table to the documented form first'
    where not exists (
      select from pg_index
      join pg_attribute on attrelid = indrelid and attnum = indkey[0]
      where indrelid = old and indisprimary and indnatts = 1 and attname = 'id'
    )

    union all

    select 3, format('the materialized view %s reads %s', c.oid::regclass, old),
      format('drop it, and make it again afterwards: drop materialized view %s', c.oid::regclass)
    from pg_depend
    join pg_rewrite on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid
    join pg_class as c on c.oid = ev_class
    where refclassid = 'pg_class'::regclass and refobjid = old and c.relkind = 'm'

    union all

    select 4, format('%s references %s (constraint %I)', conrelid::regclass, old, conname),
      format('drop it: alter table %s drop constraint %I', conrelid::regclass, conname)
    from pg_constraint
    where contype = 'f' and confrelid = old

    union all

    select 5, format('%s has the trigger %I', old, tgname),
      format('drop it, and create it again afterwards: drop trigger %I on %s', tgname, old)
    from pg_trigger
    where tgrelid = old and not tgisinternal

    union all

    select 6, format('%s is in the publication %I', old, pubname),
      format('take it out, and put it back afterwards: alter publication %I drop table %s',
        pubname, old)
    from pg_publication_rel
    join pg_publication on pg_publication.oid = prpubid
    where prrelid = old

    union all

    select 7, format('%s is a child or a parent of another table', old), 'undo the inheritance first'
    from pg_inherits
    where inhrelid = old or inhparent = old
  ) as faults
  order by rank, said
  limit 1;
  if found then
    raise exception using
      errcode = 'RL001',
      message = fault.said || ', so it cannot become a partition',
      hint = fault.remedy;
  end if;
end
$runlog$;
