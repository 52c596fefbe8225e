-- The next runs whose entries go, oldest first; whether the run goes too, and whether all of it is
-- kept: as one of the newest of its script, or as the newest success in its sync mode.
select
    run.id,
    run.started_at,
    run.started_at < %(runs_before)s::timestamptz as is_ripe,
    not (
        (
            select count(*)
            from (
                select
                from {schema}.runs as newer
                where
                    newer.script_name = run.script_name
                    and (newer.started_at, newer.id) > (run.started_at, run.id)
                limit %(keep_last)s
            ) as newer
        ) >= %(keep_last)s
        and (
            run.status <> 'success'
            or exists (
                select
                from {schema}.runs as newer
                where
                    newer.script_name = run.script_name
                    and newer.status = 'success'
                    and newer.sync_mode is not distinct from run.sync_mode
                    and (newer.finished_at, newer.id) > (run.finished_at, run.id)
            )
        )
    ) as is_kept
from {schema}.runs as run
where
    run.started_at < %(before)s::timestamptz
    and run.status = any(%(statuses)s::text[])
    and (%(script)s::text is null or run.script_name = %(script)s)
    and (%(script_like)s::text is null or run.script_name like %(script_like)s)
    and (
        %(after_id)s::uuid is null
        or (run.started_at, run.id) > (%(after_at)s::timestamptz, %(after_id)s)
    )
order by
    run.started_at,
    run.id
limit %(limit)s
