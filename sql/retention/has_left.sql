-- Is something still there that was just deleted? A trigger may keep a row without a word. Not asked of
-- a run that runs again meanwhile.
select
    exists (
        select
        from {schema}.runs
        where
            id = any(%(ripe)s::uuid[])
            and status = any(%(statuses)s::text[])
    )
    or exists (
        select
        from {schema}.logs as entry
        left join {schema}.runs as run on run.id = entry.run_id
        where
            entry.run_id = any(%(ids)s::uuid[])
            and coalesce(run.status = any(%(statuses)s::text[]), true)
    )
