-- A new kind of error in a run that failed is told with the failure.
update {schema}.runlog_incidents as kind
set parent_id = failed.id
from {schema}.runlog_incidents as failed
where
    kind.rule = 'new_error'
    and kind.resolved_at is null
    and kind.parent_id is null
    and failed.rule = 'failed'
    and failed.resolved_at is null
    and failed.script_name = kind.script_name
    and (failed.run_id = kind.run_id or failed.occasion = kind.run_id::text)
