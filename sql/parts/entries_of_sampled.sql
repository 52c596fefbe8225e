-- The entries of each sampled run, and when the next one came.
cross join lateral (
    select
        step,
        {entry_moment} as timestamp,
        lead({entry_moment}) over (order by timestamp, id) as next_at
    from {schema}.logs
    where run_id = sampled.id
) as entry
