-- The last run and the last success of each script of "wanted": a cluster sorts the runs of all.
join (
    select distinct on (script_name)
        script_name,
        id,
        status,
        started_at,
        finished_at,
        duration_ms,
        records_failed,
        error_message,
        metadata #>> '{runlog,outcome}' as outcome,
        {heartbeat} as heartbeat_at,
        {heartbeat_interval} as heartbeat_interval
    from {schema}.runs
    where
        {has_start}
        and {is_ordinary}
    order by
        script_name,
        started_at desc,
        id desc
) as last_run on last_run.script_name = wanted.name
left join (
    select
        script_name,
        max(finished_at) as finished_at
    from {schema}.runs
    where
        status = 'success'
        and {is_ordinary}
    group by script_name
) as last_success on last_success.script_name = wanted.name
