-- Opens what is bad and not open yet. The third opening of a rule within 7 days is flapping.
insert into {schema}.runlog_incidents (
    script_name, rule, subject, occasion, severity, began_at, opened_at, seen_at, run_id, details,
    expires_at, is_flapping
)
select
    verdict.script_name,
    verdict.rule,
    verdict.subject,
    verdict.occasion,
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
where verdict.holds
on conflict do nothing
returning id, script_name, rule, subject
