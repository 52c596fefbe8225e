-- The next runs whose entries go, oldest first; whether the run goes too, whether all of it is kept,
-- and how many entries it has. Kept is what tells how a script stands: one of its newest runs, its
-- newest success in each sync mode, and whatever a cursor stands on: that is what find_cursor.sql
-- names, for the script and for each cursor that one of these runs has by another name. A cursor
-- that a person set is no run, and a backfill tells nothing of the script: they are kept for nothing else.
with page as materialized (
    select
        id,
        started_at,
        script_name,
        status,
        sync_mode,
        coalesce(finished_at, started_at) as finished_at,
        metadata #>> '{runlog,cursor}' as cursor_name,
        {is_ordinary} as is_ordinary
    from {schema}.runs
    where
        started_at < %(before)s::timestamptz
        and status = any(%(statuses)s::text[])
        and (%(script)s::text is null or script_name = %(script)s)
        and (%(script_like)s::text is null or script_name like %(script_like)s)
        and (
            %(after_id)s::uuid is null
            or (started_at, id) > (%(after_at)s::timestamptz, %(after_id)s)
        )
    order by
        started_at,
        id
    limit %(limit)s
),

stands_on as materialized (
    select cursor.run_id
    from (select distinct script_name as name from page) as wanted
    cross join lateral (
        {cursor_of_script}
    ) as cursor
    union all
    select cursor.run_id
    from (select distinct cursor_name as name from page where cursor_name is not null) as wanted
    cross join lateral (
        {cursor_of_name}
    ) as cursor
),

judged as materialized (
    select
        page.id,
        page.started_at,
        page.id in (select run_id from stands_on)
        or page.is_ordinary
        and (
            (
                select count(*)
                from (
                    select
                    from {schema}.runs as newer
                    where
                        newer.script_name = page.script_name
                        and {is_ordinary}
                        and (newer.started_at, newer.id) > (page.started_at, page.id)
                    limit %(keep_last)s
                ) as newer
            ) < %(keep_last)s
            or page.status = 'success'
            and not exists (
                select
                from {schema}.runs as newer
                where
                    newer.script_name = page.script_name
                    and newer.status = 'success'
                    and newer.sync_mode is not distinct from page.sync_mode
                    and {is_ordinary}
                    and (coalesce(newer.finished_at, newer.started_at), newer.id) > (page.finished_at, page.id)
            )
        ) as is_kept
    from page
)

select
    id,
    started_at,
    started_at < %(runs_before)s::timestamptz as is_ripe,
    is_kept,
    case
        when is_kept then 0
        else (select count(*) from {schema}.logs where run_id = judged.id)
    end as entries
from judged
order by
    started_at,
    id
