-- How many runs and entries would go? The rules are those of find_runs.sql, for all of them at once.
with ranked as (
    select
        id,
        script_name,
        started_at,
        status,
        row_number() over (partition by script_name order by started_at desc, id desc) as age_rank,
        row_number() over (
            partition by script_name, sync_mode, status
            order by finished_at desc, id desc
        ) as success_rank
    from {schema}.runs
    where
        (%(script)s::text is null or script_name = %(script)s)
        and (%(script_like)s::text is null or script_name like %(script_like)s)
),
going as (
    select
        id,
        started_at < %(runs_before)s::timestamptz as is_ripe
    from ranked
    where
        started_at < %(before)s::timestamptz
        and status = any(%(statuses)s::text[])
        and age_rank > %(keep_last)s
        and (status <> 'success' or success_rank > 1)
)
select
    (select count(*) from going where is_ripe) as runs,
    (
        select count(*)
        from {schema}.logs
        where run_id in (select id from going)
    ) as entries
