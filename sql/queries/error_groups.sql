-- Which errors happened, how often, where, since when? Messages that differ in numbers and ids only
-- are one error. A run that failed without saying so (its process died, or another program wrote
-- its row) counts with the error message of its row.
with error as (
    select
        entry.run_id,
        entry.timestamp as at,
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
        run.id,
        coalesce(run.finished_at, run.started_at),
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
                        '[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|\m[0-9a-fA-F]{12,}\M|\d+',
                        '*',
                        'g'
                    )
                end
            )
        ) as fingerprint
    from error
)
select
    left(fingerprint, 12) as fingerprint,
    (array_agg(error_type order by at desc))[1] as error_type,
    (array_agg(message order by at desc))[1] as message,
    count(*) as errors,
    count(distinct run_id) as runs,
    array_agg(distinct script_name) as scripts,
    array_agg(distinct step) as steps,
    min(at) as first_seen,
    max(at) as last_seen,
    (array_agg(script_name order by at desc))[1] as last_script,
    (array_agg(run_id order by at desc))[1] as last_run_id,
    now() as read_at
from kind
group by kind.fingerprint
order by
    last_seen desc,
    kind.fingerprint
limit %(limit)s
