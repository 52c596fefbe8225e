-- Which kinds of errors are new: noticed within the hour, for the first time or again after 30 days
-- of silence?
select
    rule.script_name,
    kind.fingerprint as subject,
    true as holds,
    to_char(kind.noticed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as occasion,
    kind.first_seen as began_at,
    kind.first_run_id as run_id,
    jsonb_strip_nulls(jsonb_build_object('error', kind.message, 'error_type', kind.error_type))
        as details,
    kind.noticed_at + interval '24 hours' as expires_at
from {rule}
join {schema}.runlog_error_kinds as kind on kind.script_name = rule.script_name
where kind.noticed_at > %(now)s - interval '1 hour' and kind.noticed_at <= %(now)s
