-- Partitions all of whose ids are older than a moment.
select part::text as part
from {schema}.runlog_partitions()
where not is_default and to_id <= {schema}.runlog_id_at(%(before)s::timestamptz)
order by to_id
