-- What did scripts ask to be told? Entries of step ALERT of the last 7 days that no incident has
-- told; texts that differ in numbers only are one. Two are another occasion each.
select
    rule.script_name,
    {words} as subject,
    true as holds,
    (array_agg(entry.id order by entry.timestamp, entry.id))[1]::text as occasion,
    case max(case entry.level when 'ERROR' then 2 when 'WARNING' then 1 else 0 end)
        when 2 then 'error'
        when 1 then 'warning'
        else 'info'
    end as severity,
    min(entry.timestamp) as began_at,
    (array_agg(entry.run_id order by entry.timestamp desc))[1] as run_id,
    jsonb_build_object(
        'text', (array_agg(left(entry.message, 2000) order by entry.timestamp desc))[1],
        'times', count(*) + coalesce(max(open.times), 0),
        'through', max(entry.timestamp)
    ) as details,
    %(now)s + interval '24 hours' as expires_at
from {rule}
join {schema}.runs as run on run.script_name = rule.script_name
join {schema}.logs as entry on entry.run_id = run.id
left join lateral (
    select (incident.details ->> 'times')::bigint as times
    from {schema}.runlog_incidents as incident
    where
        incident.script_name = rule.script_name
        and incident.rule = 'asked'
        and incident.subject = {words}
        and incident.resolved_at is null
) as open on true
where
    entry.step = 'ALERT'
    and entry.timestamp > %(now)s - interval '7 days'
    and entry.timestamp <= %(now)s
    and not exists (
        select from {schema}.runlog_incidents as told
        where
            told.script_name = rule.script_name
            and told.rule = 'asked'
            and told.subject = {words}
            and (told.details ->> 'through')::timestamptz >= entry.timestamp
    )
group by 1, 2
