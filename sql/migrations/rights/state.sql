-- Whether row level security is on, and every grant and policy as one text, of each of runlog's
-- tables and sequences: compared before and after, it tells whether anything changed.
select
  relname::text as name,
  relrowsecurity,
  concat_ws(
    e'\n',
    nspacl,
    relacl,
    (
      select string_agg(attname || attacl::text, e'\n' order by attnum)
      from pg_attribute
      where attrelid = pg_class.oid and attacl is not null
    ),
    (
      select string_agg(
        concat_ws(' ', polname, polcmd, polroles::regrole[],
          pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)),
        e'\n' order by polname
      )
      from pg_policy
      where polrelid = pg_class.oid
    )
  ) as rights
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = {schema_literal}
  and (
    relname in ('logs', 'runs', 'sync_logs_id_seq')
    or starts_with(relname, 'runlog_') and relkind in ('r', 'p')
  )
order by relname;
