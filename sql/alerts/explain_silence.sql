-- The scripts of a source from which nothing is heard are told of as one: their own incidents hang
-- on it, unless somebody was told of them already.
update {schema}.runlog_incidents as missed
set parent_id = silence.id
from {schema}.runlog_incidents as silence
where
    silence.rule = 'silence'
    and silence.resolved_at is null
    and missed.rule = 'missed'
    and missed.resolved_at is null
    and missed.parent_id is null
    and silence.details -> 'names' ? missed.script_name
    and not exists (
        select from {schema}.runlog_tellings as telling
        where telling.incident_id = missed.id
    )
