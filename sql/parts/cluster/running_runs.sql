-- The runs that are running: a cluster joins them with their entries only where none is left out before.
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
) as run
