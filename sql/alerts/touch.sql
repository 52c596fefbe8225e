-- Tells open incidents that still hold what is known now; the severity only rises.
update {schema}.runlog_incidents as incident
set
    seen_at = greatest(incident.seen_at, %(now)s),
    run_id = coalesce(verdict.run_id, incident.run_id),
    severity = case
        when array_position(array['info', 'warning', 'error'], verdict.severity)
            > array_position(array['info', 'warning', 'error'], incident.severity)
            then verdict.severity
        else incident.severity
    end,
    expires_at = verdict.expires_at,
    details = incident.details || verdict.details
from {verdicts}
where
    verdict.holds
    and incident.resolved_at is null
    and incident.script_name = verdict.script_name
    and incident.rule = verdict.rule
    and incident.subject = verdict.subject
