-- Which runs of a script tell how it stands, and stay: its newest ones, and its newest success in each
-- sync mode, of ordinary runs only. One script at a time, so that its index is enough and
-- a cluster need not bring the runs of all scripts together.
(
    select id
    from {schema}.runs
    where
        script_name between %(script_name)s::text and %(script_name)s::text
        and started_at is not null
        and {is_ordinary}
    order by
        script_name,
        started_at desc,
        id desc
    limit %(keep_last)s
)
union all
(
    select distinct on (sync_mode) id
    from {schema}.runs
    where
        script_name = %(script_name)s::text
        and status = 'success'
        and coalesce(finished_at, started_at) is not null
        and {is_ordinary}
    order by
        sync_mode,
        coalesce(finished_at, started_at) desc,
        id desc
)
