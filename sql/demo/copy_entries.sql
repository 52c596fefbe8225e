-- The entries of the month that "runlog demo --dashboard" invents.
copy {schema}.logs (
    id,
    run_id,
    timestamp,
    level,
    step,
    message,
    meta
) from stdin
