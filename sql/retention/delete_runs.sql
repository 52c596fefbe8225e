-- These runs, unless one of them runs again meanwhile. What was logged late goes with its run.
delete from {schema}.runs
where
    id = any(%(ids)s::uuid[])
    and status = any(%(statuses)s::text[])
