-- Every level that entries have: a cluster cannot walk from one to the next, and reads all entries.
found (level) as (
    select distinct level
    from {schema}.logs
)
