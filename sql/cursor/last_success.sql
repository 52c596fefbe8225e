-- The last success that moved this script's cursor: no backfill, and no cursor set by hand.
select
    script_name,
    finished_at,
    sync_end_date,
    id,
    started_at,
    sync_mode
from {schema}.runs
where
    script_name = %(script_name)s
    and status = 'success'
    and finished_at is not null
    and sync_mode is distinct from 'cursor'
    and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
order by finished_at desc
limit 1
