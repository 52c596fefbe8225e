-- Stops when the tables cannot hold what runlog writes, and says which statement mends them. A row
-- that PostgreSQL refuses for a missing column is found out here, by a person, and not at night.
do $runlog$
declare
  fault record;
begin
  with documented (table_name, column_name, definition) as (
    values
      ('runs', 'id', 'uuid primary key default gen_random_uuid()'),
      ('runs', 'legacy_id', 'bigserial not null'),
      ('runs', 'batch_id', 'uuid'),
      ('runs', 'script_name', 'text not null default ''unknown'''),
      ('runs', 'triggered_by', 'text default ''manual'''),
      ('runs', 'started_at', 'timestamptz default now()'),
      ('runs', 'finished_at', 'timestamptz'),
      ('runs', 'duration_ms', 'integer'),
      ('runs', 'status',
        'text not null default ''success'' check (status in (''running'', ''success'', ''error''))'),
      ('runs', 'error_message', 'text'),
      ('runs', 'records_fetched', 'integer'),
      ('runs', 'records_inserted', 'integer'),
      ('runs', 'records_updated', 'integer'),
      ('runs', 'records_failed', 'integer'),
      ('runs', 'sync_mode', 'text'),
      ('runs', 'sync_start_date', 'timestamptz'),
      ('runs', 'sync_end_date', 'timestamptz'),
      ('runs', 'calls_analyzed', 'integer'),
      ('runs', 'api_cost', 'numeric'),
      ('runs', 'metadata', 'jsonb default ''{}'''),
      ('logs', 'id', 'uuid primary key default gen_random_uuid()'),
      ('logs', 'run_id', 'uuid references runs (id) on delete cascade'),
      ('logs', 'timestamp', 'timestamptz not null default now()'),
      ('logs', 'level',
        'text not null default ''INFO'' check (level in (''INFO'', ''ERROR'', ''WARNING'', ''DEBUG''))'),
      ('logs', 'step', 'text not null default ''LOG'''),
      ('logs', 'message', 'text not null default '''''),
      ('logs', 'meta', 'jsonb default ''{}''')
  ),
  tables as (
    select
      table_name,
      to_regclass(table_name) as id,
      format('%I.%I', current_setting('runlog.schema'), table_name) as qualified
    from (values ('runs'), ('logs')) as named (table_name)
  ),
  columns as (
    select
      table_name, id, qualified, attname::text as column_name, attnotnull, atttypid as type_id,
      atttypid::regtype::text as type, atthasdef or attidentity <> '' as fills_itself
    from tables
    join pg_attribute on attrelid = id and attnum > 0 and not attisdropped
  ),
  faults (rank, said, remedy) as (
    select
      1,
      format('table %s is gone although runlog_migrations says that it was created', qualified),
      format('to make it anew, run "drop table %I.runlog_migrations", then "runlog migrate"',
        current_setting('runlog.schema'))
    from tables
    where id is null and exists (select from runlog_migrations where version = 1)

    union all

    select
      2,
      format('%s is no table but a %s', qualified,
        case relkind when 'v' then 'view' when 'm' then 'materialized view'
          when 'f' then 'foreign table' else 'relation of another kind' end),
      'name the schema of the table itself in RUNLOG_SCHEMA, or give runlog a schema of its own,'
        ' such as --schema runlog'
    from tables
    join pg_class on oid = id
    where relkind not in ('r', 'p')

    union all

    select
      3,
      format('table %s lacks %s', qualified, string_agg(column_name, ', ' order by column_name)),
      format('if it is the table for runlog, run "alter table %s %s"; if it is another'
          ' program''s, give runlog a schema of its own, such as --schema runlog',
        qualified,
        string_agg(format('add column %I %s', column_name, definition), ', ' order by column_name))
    from documented
    join tables using (table_name)
    left join columns using (table_name, id, qualified, column_name)
    where id is not null and type is null
    group by qualified

    union all

    select
      4,
      format('column %I of %s is %s, and runlog writes uuid', column_name, qualified, type),
      format('give runlog a schema of its own, such as --schema runlog, or convert the column:'
        ' alter table %s alter column %I type uuid using ...', qualified, column_name)
    from documented
    join columns using (table_name, column_name)
    where definition ~ '^uuid' and type <> 'uuid'

    union all

    -- Written into the one it would be as out of the other, but it is counted and compared, too.
    select
      4,
      format('column %I of %s is %s, and runlog reads %s', column_name, qualified, type,
        documented_type),
      format('run "alter table %s alter column %I drop default, alter column %I type %s using %I::%s%s"',
        qualified, column_name, column_name, documented_type, column_name, documented_type,
        ', alter column ' || quote_ident(column_name) || ' set '
          || substring(definition from 'default [^ ]+'))
    from documented
    join columns using (table_name, column_name)
    cross join lateral (select substring(definition from '^[a-z]+') as documented_type) as said
    join pg_type on oid = type_id
    where documented_type in ('timestamptz', 'integer', 'numeric') and typcategory <> (
      select typcategory from pg_type where oid = documented_type::regtype
    )

    union all

    select
      5,
      format('column %I of %s must not be null, has no default, and runlog does not write it',
        column_name, qualified),
      format('run "alter table %s alter column %I drop not null" or give it a default',
        qualified, column_name)
    from columns
    left join documented using (table_name, column_name)
    where attnotnull and not fills_itself
      and (definition is null or column_name = 'legacy_id')

    union all

    select
      6,
      format('column id of %s is not unique, so an entry sent twice would be there twice', qualified),
      format('run "alter table %s add primary key (id)"', qualified)
    from columns
    where column_name = 'id' and not exists (
      select
      from pg_index
      join pg_attribute on attrelid = indrelid and attnum = any (indkey) and attname = 'id'
      where indrelid = id and indisunique and indisvalid and indpred is null
    )
  )
  select said, remedy into fault
  from faults
  order by rank, said
  limit 1;

  if found then
    raise exception using
      errcode = 'RL001',
      message = fault.said,
      hint = fault.remedy;
  end if;
end
$runlog$;
