-- Adds to the error message of swept runs what each said last. Apart from sweeping, because reading
-- entries is a right that a writer need not have.
update {schema}.runs as run
set error_message = concat(run.error_message, ', last entry [', entry.step, '] ', left(entry.message, 200))
from unnest(%(ids)s::uuid[]) as swept (id)
cross join lateral (
    select
        step,
        message
    from {schema}.logs
    where run_id = swept.id
    order by
        timestamp desc,
        id desc
    limit 1
) as entry
where
    run.id = swept.id
    and run.status = 'error'
    and run.metadata -> 'runlog' ? 'swept_at'
    and run.error_message not like '%% last entry [%%'
