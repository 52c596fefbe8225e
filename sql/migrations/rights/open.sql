-- What everyone (PUBLIC), or Supabase's anon and authenticated, may do with runlog's relations.
-- A right counts when it is granted to a column only, too.
with items as (
  select
    pg_class.oid,
    relkind,
    relrowsecurity,
    format('%I.%I', nspname, relname) as qualified
  from pg_class
  join pg_namespace on pg_namespace.oid = relnamespace
  where nspname = {schema_literal}
    and (
      (relname in ('runs', 'logs') or starts_with(relname, 'runlog_')) and relkind in ('r', 'p')
      or relname = 'sync_logs_id_seq' and relkind = 'S'
    )
),
strangers (name) as (
  select 'public'
  union all
  select rolname::text from pg_roles where rolname in ('anon', 'authenticated')
),
rights (name, position, kinds) as (
  values
    ('select', 1, 'rpS'), ('insert', 2, 'rp'), ('update', 3, 'rpS'), ('delete', 4, 'rp'),
    ('truncate', 5, 'rp'), ('usage', 6, 'S')
),
held as (
  select items.*, strangers.name as stranger, rights.name as verb, position
  from items
  cross join strangers
  join rights on strpos(kinds, relkind::text) > 0
  where case
    when relkind = 'S' then has_sequence_privilege(strangers.name, items.oid, rights.name)
    when rights.name in ('delete', 'truncate')
      then has_table_privilege(strangers.name, items.oid, rights.name)
    else has_any_column_privilege(strangers.name, items.oid, rights.name)
  end
)
select
  format(
    '%s may %s on %s%s',
    case stranger when 'public' then 'every role' else 'role ' || stranger end,
    string_agg(verb, ', ' order by position),
    qualified,
    case
      when relkind = 'S' then ''
      when relrowsecurity then ' (row level security is on: rows need a policy, truncate does not)'
      else ' (row level security is off)'
    end
  ) as said
from held
group by stranger, qualified, relkind, relrowsecurity
order by qualified, stranger;
