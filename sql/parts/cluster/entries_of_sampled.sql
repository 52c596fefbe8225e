-- The entries of each sampled run, and when the next one came: each node adds its own.
join (
    select
        run_id,
        step,
        {entry_moment} as timestamp,
        lead({entry_moment}) over (partition by run_id order by timestamp, id) as next_at
    from {schema}.logs
    where run_id in (select id from sampled)
) as entry on entry.run_id = sampled.id
