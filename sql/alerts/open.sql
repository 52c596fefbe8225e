-- Opens what is bad and not open yet. The third opening of a rule within 7 days is flapping. What a
-- person closed while it failed opens again with the next run that fails, under that run.
insert into {schema}.runlog_incidents (
    script_name, rule, subject, occasion, severity, began_at, opened_at, seen_at, run_id, details,
    expires_at, is_flapping
)
select
    verdict.script_name,
    verdict.rule,
    verdict.subject,
    case when closed.is_of_another_run then verdict.run_id::text else verdict.occasion end,
    verdict.severity,
    verdict.began_at,
    %(now)s,
    %(now)s,
    verdict.run_id,
    verdict.details,
    verdict.expires_at,
    verdict.expires_at is null and (
        select count(*) >= 2
        from {schema}.runlog_incidents as earlier
        where
            earlier.script_name = verdict.script_name
            and earlier.rule = verdict.rule
            and earlier.subject = verdict.subject
            and earlier.opened_at > %(now)s - interval '7 days'
            and earlier.resolution is distinct from 'healed'
    )
from {verdicts}
cross join lateral (
    select
        verdict.rule = 'failed'
        and coalesce(bool_or(incident.occasion = verdict.occasion), false)
        and not coalesce(bool_or(incident.run_id = verdict.run_id), false) as is_of_another_run
    from {schema}.runlog_incidents as incident
    where
        incident.script_name = verdict.script_name
        and incident.rule = verdict.rule
        and incident.subject = verdict.subject
        and incident.resolution = 'closed'
) as closed
where verdict.holds
on conflict do nothing
returning id, script_name, rule, subject
