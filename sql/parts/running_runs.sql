-- The runs that are running, the oldest of them: what each said last is asked of these alone.
(
    select
        {run_columns},
        metadata #>> '{runlog,host}' as host,
        metadata #>> '{runlog,pid}' as pid
    from {schema}.runs
    where
        status = 'running'
        and (%(script)s::text is null or script_name = %(script)s)
        and (%(script_like)s::text is null or script_name like %(script_like)s)
    order by
        started_at,
        id
    limit %(limit)s
) as run
