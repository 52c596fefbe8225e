-- The view runlog_error_groups again. An entry that carries its fingerprint (meta.error_fingerprint) is
-- grouped by that, in half the time; the others by a pattern that means the same in every session:
-- where standard_conforming_strings is off, a backslash in an ordinary string is lost, and a view that
-- is made there would group nothing for good. Rights and comments stay.
create or replace view runlog_error_groups as
select
  fingerprint,
  script_name,
  (array_agg(error_type order by timestamp desc))[1] as error_type,
  (array_agg(message order by timestamp desc))[1] as message,
  count(*) as errors,
  count(distinct run_id) as runs,
  min(timestamp) as first_seen,
  max(timestamp) as last_seen,
  (array_agg(run_id order by timestamp desc))[1] as last_run_id
from (
  select
    runs.script_name,
    logs.run_id,
    logs.timestamp,
    logs.meta ->> 'error_type' as error_type,
    left(logs.message, 500) as message,
    coalesce(
      -- Whatever else stands there is a field of the program's.
      substring(logs.meta ->> 'error_fingerprint' from '^[0-9a-f]{12}$'),
      left(
        md5(
          concat_ws(
            e'\n',
            logs.meta ->> 'error_type',
            regexp_replace(
              split_part(left(logs.message, 500), e'\n', 1),
              '[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|(?<![0-9A-Za-z_])[0-9a-fA-F]{12,}(?![0-9A-Za-z_])|[0-9]+',
              '*',
              'g'
            )
          )
        ),
        12
      )
    ) as fingerprint
  from logs
  join runs on runs.id = logs.run_id
  where logs.level = 'ERROR' and logs.timestamp > now() - interval '30 days'
) as error
group by
  error.fingerprint,
  script_name;

do $runlog$
begin
  -- Before PostgreSQL 15 a view looks with the rights of its owner, whatever is wished.
  if current_setting('server_version_num')::integer >= 150000 then
    alter view runlog_error_groups set (security_invoker = true);
  end if;
end
$runlog$;
