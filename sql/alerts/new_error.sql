-- Which kinds of errors are new: noticed within the hour, for the first time or again after 30 days
-- of silence? Of a script that has more than 20 of them in a day the others are one, '*': somebody whose
-- messages are all different is told so, and not ten thousand times.
with kind as (
    select
        rule.script_name,
        known.*,
        row_number() over (
            partition by rule.script_name order by known.noticed_at, known.first_seen, known.fingerprint
        ) > 20 as is_further
    from {rule}
    join lateral (
        select
            fingerprint,
            error_type,
            message,
            first_seen,
            first_run_id,
            noticed_at
        from {schema}.runlog_error_kinds
        where
            script_name = rule.script_name
            and noticed_at > %(now)s - interval '24 hours'
            and noticed_at <= %(now)s
    ) as known on true
)
select
    script_name,
    fingerprint as subject,
    true as holds,
    to_char(noticed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as occasion,
    first_seen as began_at,
    first_run_id as run_id,
    jsonb_strip_nulls(jsonb_build_object('error', message, 'error_type', error_type))
        as details,
    noticed_at + interval '24 hours' as expires_at
from kind
where noticed_at > %(now)s - interval '1 hour' and not is_further

union all

select
    script_name,
    '*',
    true,
    to_char(max(noticed_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    min(first_seen),
    (array_agg(first_run_id order by noticed_at desc, first_seen desc))[1],
    jsonb_build_object('kinds', count(*)),
    max(noticed_at) + interval '24 hours'
from kind
where is_further
group by script_name
having max(noticed_at) > %(now)s - interval '1 hour'
