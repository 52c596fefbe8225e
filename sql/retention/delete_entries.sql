-- The entries of these runs, at most so many. By id, which every layout of the table has. Not those of
-- a run that runs again meanwhile. The runs are named twice, so that a cluster asks their nodes alone.
delete from {schema}.logs
where
    run_id = any(%(ids)s::uuid[])
    and id in (
        select entry.id
        from {schema}.runs as run
        join {schema}.logs as entry on entry.run_id = run.id
        where
            run.id = any(%(ids)s::uuid[])
            and run.status = any(%(statuses)s::text[])
        limit %(limit)s
    )
