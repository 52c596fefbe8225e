-- One run with all its columns.
select
    {run_columns},
    legacy_id,
    sync_start_date,
    sync_end_date,
    metadata
from {schema}.runs
where id = %(run_id)s
