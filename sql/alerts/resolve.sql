-- Ends open incidents whose rule says good. Not one that another watcher has seen hold since this
-- look began. One that flaps needs a good day and 5 good runs in it.
update {schema}.runlog_incidents as incident
set
    resolved_at = %(now)s,
    resolution = 'recovered',
    details = incident.details || jsonb_build_object('end', verdict.details)
from {verdicts}
where
    not verdict.holds
    and incident.resolved_at is null
    and incident.seen_at <= %(now)s
    and incident.script_name = verdict.script_name
    and incident.rule = verdict.rule
    and incident.subject = verdict.subject
    and (
        not incident.is_flapping
        or incident.seen_at <= %(now)s - interval '1 day'
        and 5 <= (
            select count(*)
            from {schema}.runs as run
            where
                run.script_name = incident.script_name
                and run.status = 'success'
                and run.finished_at > incident.seen_at
                and {is_ordinary}
        )
    )
returning incident.id, incident.script_name, incident.rule, incident.subject
