-- What the partitioned layout needs in the database: the id of a moment, the list of partitions, and
-- the making of months. Partitions lie in a closed schema of their own: asked directly they would
-- inherit neither row level security nor the rights of the table, and an exposed schema serves each.
-- Applied any number of times.

do $runlog$
begin
  if not exists (select from pg_namespace where nspname = {closed_literal}) then
    execute format('create schema %I', {closed_literal});
    execute format('revoke all on schema %I from public', {closed_literal});
  end if;
end
$runlog$;

create or replace function {schema}.runlog_id_at(moment timestamptz) returns uuid
language sql immutable strict parallel safe
as $function$
  -- The first 48 bits of a UUIDv7 are milliseconds: https://www.rfc-editor.org/rfc/rfc9562
  select (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$function$;
comment on function {schema}.runlog_id_at is 'The smallest UUIDv7 of a moment';

create or replace function {schema}.runlog_partitions()
returns table (part regclass, is_default boolean, from_id uuid, to_id uuid)
language sql stable
as $function$
  select
    inhrelid::regclass,
    bound = 'DEFAULT',
    (regexp_match(bound, 'FROM [(]''([0-9a-f-]{36})'))[1]::uuid,
    (regexp_match(bound, 'TO [(]''([0-9a-f-]{36})'))[1]::uuid
  from pg_inherits
  join pg_class as parent on parent.oid = inhparent
  join pg_namespace on pg_namespace.oid = parent.relnamespace
  join pg_class as child on child.oid = inhrelid
  cross join lateral pg_get_expr(child.relpartbound, child.oid) as bound
  where nspname = {schema_literal} and parent.relname = 'logs'
$function$;
comment on function {schema}.runlog_partitions is
  'The partitions of logs, each with its first id and the first id behind it';

create or replace procedure {schema}.runlog_close_partition(part regclass)
language plpgsql
as $procedure$
declare
  stranger record;
begin
  -- What the default privileges of the database, as Supabase has them, give to a new table.
  for stranger in
    select distinct case grantee when 0 then 'public' else grantee::regrole::text end as name
    from pg_class
    cross join lateral aclexplode(relacl)
    where oid = part and grantee <> relowner
  loop
    execute format('revoke all on table %s from %s', part, stranger.name);
  end loop;
end
$procedure$;

create or replace procedure {schema}.runlog_add_partition(from_at timestamptz, to_at timestamptz)
language plpgsql
as $procedure$
declare
  from_id constant uuid := {schema}.runlog_id_at(from_at);
  to_id constant uuid := {schema}.runlog_id_at(to_at);
  name constant text := format('logs_%s', to_char(from_at at time zone 'UTC', 'YYYYMM'));
  part constant text := format('%I.%I', {closed_literal}, name);
  fallback regclass;
  -- What PostgreSQL computes by itself cannot be given.
  columns constant text := (
    select string_agg(quote_ident(attname), ', ' order by attnum)
    from pg_attribute
    where attrelid = to_regclass(format('%I.logs', {schema_literal}::text))
      and attnum > 0 and not attisdropped and attgenerated = '');
begin
  if to_regclass(part) is not null then
    return;
  end if;
  perform set_config('lock_timeout', '2s', true);
  select partitions.part into fallback
  from {schema}.runlog_partitions() as partitions
  where is_default;
  -- Nobody puts a row of this month into it between the move and the attaching, which would wait
  -- for this lock anyway.
  execute format('lock table %s in access exclusive mode', fallback);
  execute format(
    'create table %s (like {schema}.logs including defaults including constraints'
    ' including storage including generated including comments)', part);
  call {schema}.runlog_close_partition(part::regclass);
  execute format('alter table %s add primary key (id)', part);
  execute format(
    'with moved as (delete from %1$s where id >= %2$L and id < %3$L returning %5$s)'
    ' insert into %4$s (%5$s) select %5$s from moved', fallback, from_id, to_id, part, columns);
  execute format(
    'alter table {schema}.logs attach partition %s for values from (%L) to (%L)',
    part, from_id, to_id);
end
$procedure$;
comment on procedure {schema}.runlog_add_partition is
  'One partition of logs; rows of that span in the default partition move into it';

create or replace procedure {schema}.runlog_make_partitions(months integer default 3)
language plpgsql
as $procedure$
declare
  month timestamptz := date_trunc('month', now(), 'UTC');
begin
  if not exists (select from {schema}.runlog_partitions()) then
    return;
  end if;
  for n in 0 .. months loop
    -- The table that was there before the layout may end later than this month begins.
    if not exists (
      select from {schema}.runlog_partitions() as partitions
      where not is_default
        and coalesce(from_id, '00000000-0000-0000-0000-000000000000') <= {schema}.runlog_id_at(month)
        and to_id > {schema}.runlog_id_at(month)
    ) then
      call {schema}.runlog_add_partition(month, month + interval '1 month');
      -- Each in a transaction of its own: its locks are short.
      commit;
    end if;
    month := month + interval '1 month';
  end loop;
end
$procedure$;
comment on procedure {schema}.runlog_make_partitions is
  'Makes the partitions of this month and of the next ones; for pg_cron, or by hand';

do $runlog$
declare
  routine record;
begin
  for routine in
    select p.oid::regprocedure as signature
    from pg_proc as p
    join pg_namespace on pg_namespace.oid = pronamespace
    where nspname = {schema_literal}
      and proname in ('runlog_close_partition', 'runlog_add_partition', 'runlog_make_partitions')
  loop
    execute format('revoke all on routine %s from public', routine.signature);
  end loop;
end
$runlog$;
