-- logs becomes a partitioned table, and the table of before its first partition: of all ids below the
-- boundary, or, when other programs have made ids of their own, the default one. Nothing is copied:
-- its primary key, foreign key and indexes are matched. One transaction, exclusive for a moment.
do $runlog$
declare
  old_id constant oid := format('%I.logs', {schema_literal})::regclass;
  table_name constant text := format('%I.logs', {schema_literal});
  before_name constant text := format('%I.logs_before', {schema_literal});
  is_foreign constant boolean := {is_foreign};
  owner_name text;
  table_comment text;
  primary_key text;
  foreign_keys text[];
  indexes text[];
  renamed text[];
  rights text[];
  views text[];
  statement text;
begin
  perform set_config('lock_timeout', '3s', true);
  execute format('lock table %s in access exclusive mode', table_name);
  execute format('lock table %I.runs in share row exclusive mode', {schema_literal});

  select relowner::regrole::text, obj_description(oid, 'pg_class') into owner_name, table_comment
  from pg_class
  where oid = old_id;
  select conname into primary_key from pg_constraint where conrelid = old_id and contype = 'p';
  foreign_keys := array(
    select format('alter table %s add constraint %I %s', table_name, conname,
      pg_get_constraintdef(oid))
    from pg_constraint
    where conrelid = old_id and contype = 'f'
  );
  select
    array_agg(pg_get_indexdef(indexrelid) order by name),
    array_agg(format('alter index %s rename to %I', indexrelid::regclass,
      left(name, 55) || '_before') order by name)
  into indexes, renamed
  from pg_index
  cross join lateral (select relname::text as name from pg_class where oid = indexrelid) as named
  where indrelid = old_id and not indisprimary;
  indexes := coalesce(indexes, '{}') || array(
    select format('comment on index %s is %L', indexrelid::regclass,
      obj_description(indexrelid, 'pg_class'))
    from pg_index
    where indrelid = old_id and obj_description(indexrelid, 'pg_class') is not null
      and not indisprimary
  );
  rights := array(
    select format('grant %s on table %s to %s%s', privilege_type, table_name, grantee_name,
      case when is_grantable then ' with grant option' else '' end)
    from pg_class
    cross join lateral aclexplode(relacl)
    cross join lateral (
      select case grantee when 0 then 'public' else grantee::regrole::text end as grantee_name
    ) as named
    where oid = old_id

    union all

    select format('grant %s (%I) on table %s to %s%s', privilege_type, attname, table_name,
      case grantee when 0 then 'public' else grantee::regrole::text end,
      case when is_grantable then ' with grant option' else '' end)
    from pg_attribute
    cross join lateral aclexplode(attacl)
    where attrelid = old_id

    union all

    select format('create policy %I on %s as %s for %s to %s%s%s', polname, table_name,
      case when polpermissive then 'permissive' else 'restrictive' end,
      case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
        when 'd' then 'delete' else 'all' end,
      (select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ')
        from unnest(polroles) as role),
      ' using (' || pg_get_expr(polqual, polrelid) || ')',
      ' with check (' || pg_get_expr(polwithcheck, polrelid) || ')')
    from pg_policy
    where polrelid = old_id

    union all

    select format('alter table %s %s', table_name, switched)
    from pg_class
    cross join lateral (
      values
        (relrowsecurity, 'enable row level security'),
        (relforcerowsecurity, 'force row level security')
    ) as flags (is_on, switched)
    where oid = old_id and is_on
  );
  -- A view holds on to the table and not to its name. What it had in "with", such as
  -- security_invoker, would be lost.
  views := array(
    select format('create or replace view %s %s as %s', oid::regclass,
      'with (' || array_to_string(reloptions, ', ') || ')', pg_get_viewdef(oid))
    from pg_class
    where relkind = 'v' and oid in (
      select ev_class
      from pg_rewrite
      join pg_depend on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid
      where refclassid = 'pg_class'::regclass and refobjid = old_id
    )
    order by oid
  );

  foreach statement in array coalesce(renamed, '{}') loop
    execute statement;
  end loop;
  execute format('alter table %s rename to logs_before', table_name);
  execute format('alter table %s rename constraint %I to logs_before_pkey', before_name, primary_key);
  execute format(
    'create table %s (like %s including defaults including constraints including comments'
    ' including storage including generated) partition by range (id)', table_name, before_name);
  execute format('alter table %s drop constraint if exists runlog_until', table_name);
  execute format('alter table %s owner to %s', table_name, owner_name);
  execute format('comment on table %s is %L', table_name, table_comment);
  -- Default privileges, as Supabase has them, must not reach it; what was granted comes below.
  call {schema}.runlog_close_partition(table_name::regclass);
  execute format('alter table %s add constraint %I primary key (id)', table_name, primary_key);
  foreach statement in array foreign_keys loop
    execute statement;
  end loop;
  if is_foreign then
    execute format('alter table %s attach partition %s default', table_name, before_name);
  else
    execute format('alter table %s attach partition %s for values from (minvalue) to (%L)',
      table_name, before_name, {schema}.runlog_id_at({boundary}));
    execute format('create table %I.logs_default partition of %s default', {closed_literal},
      table_name);
    execute format('alter table %I.logs_default owner to %s', {closed_literal}, owner_name);
    call {schema}.runlog_close_partition(format('%I.logs_default', {closed_literal})::regclass);
  end if;
  foreach statement in array indexes || rights || views loop
    execute statement;
  end loop;
  execute format('alter table %s drop constraint if exists runlog_until', before_name);
  execute format('alter table %s set schema %I', before_name, {closed_literal});
end
$runlog$;
