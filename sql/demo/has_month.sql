-- Was the month of "runlog demo --dashboard" written here before?
select exists (
    select
    from {schema}.runs
    where metadata @> '{"demo": "month"}'
    limit 1
)
