-- Ends what is over by itself, and what nobody expects any more: its rule is off (unscheduled) or
-- its script is paused. A script of which nothing is left in the tables is unknown and stays.
with expected as (
    select
        rule.script_name,
        rule.rule,
        rule.is_paused
    from jsonb_to_recordset(%(expected)s::jsonb)
        as rule (script_name text, rule text, is_paused boolean)
)
update {schema}.runlog_incidents as incident
set
    resolved_at = %(now)s,
    resolution = case
        when incident.expires_at <= %(now)s then 'expired'
        when expected.is_paused then 'paused'
        else 'unscheduled'
    end
from {schema}.runlog_incidents as same
left join expected on expected.script_name = same.script_name and expected.rule = same.rule
where
    same.id = incident.id
    and incident.resolved_at is null
    and incident.seen_at <= %(now)s
    and (
        incident.expires_at <= %(now)s
        or expected.is_paused
        or expected.rule is null
        and incident.script_name in (select script_name from expected)
    )
returning incident.id, incident.script_name, incident.rule, incident.subject
