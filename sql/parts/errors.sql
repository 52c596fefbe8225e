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
        left(entry.message, 500) as message
    from {schema}.logs as entry
    join {schema}.runs as run on run.id = entry.run_id
    where
        entry.level = 'ERROR'
        and entry.timestamp >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
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
        coalesce(left(run.error_message, 500), 'failed without a message')
    from {schema}.runs as run
    where
        run.status = 'error'
        and run.started_at >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
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
        md5(
            concat_ws(
                e'\n',
                error_type,
                case
                    -- When and where it was last seen is another each time.
                    when error_type = 'died' then ''
                    else regexp_replace(
                        split_part(message, e'\n', 1),
                        '[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|[[:<:]][0-9a-fA-F]{12,}[[:>:]]|[0-9]+',
                        '*',
                        'g'
                    )
                end
            )
        ) as fingerprint
    from error
)
