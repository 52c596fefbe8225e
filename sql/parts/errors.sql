-- Errors of a period, each with its kind: the table expressions "error" and "kind". A run that failed
-- without saying so (its process died, or another program wrote its row) counts with the error
-- message of its row, and has no entry ("id" is null). Messages that differ in numbers and ids only
-- are of one kind.
error as (
    select
        entry.id,
        entry.run_id,
        {entry_moment} as at,
        run.script_name,
        entry.step,
        entry.meta ->> 'error_type' as error_type,
        {carried_fingerprint} as carried,
        left(entry.message, 500) as message
    from {schema}.logs as entry
    join {schema}.runs as run on run.id = entry.run_id
    where
        entry.level = 'ERROR'
        and entry.timestamp >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
        and (%(until)s::timestamptz is null or entry.timestamp < %(until)s)
        and (%(script)s::text is null or run.script_name = %(script)s)
        and (%(script_like)s::text is null or run.script_name like %(script_like)s)

    union all

    select
        null,
        run.id,
        least(greatest(coalesce(run.finished_at, run.started_at), '0001-01-02'), '9999-12-30'),
        run.script_name,
        'ERROR',
        case when run.metadata #>> '{runlog,outcome}' = 'died' then 'died' end,
        null,
        coalesce(left(run.error_message, 500), 'failed without a message')
    from {schema}.runs as run
    where
        run.status = 'error'
        and run.started_at >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
        and (%(until)s::timestamptz is null or run.started_at < %(until)s)
        and (%(script)s::text is null or run.script_name = %(script)s)
        and (%(script_like)s::text is null or run.script_name like %(script_like)s)
        -- Not "not exists", which may be planned as a join with every error there is.
        and coalesce(
            (
                select false
                from {schema}.logs
                where run_id = run.id and level = 'ERROR'
                limit 1
            ),
            true
        )
),
kind as (
    select
        *,
        coalesce(carried, {fingerprint}) as fingerprint
    from error
)
