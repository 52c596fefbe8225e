-- Every script's name: a cluster cannot walk from name to name, and reads all runs.
script (name) as (
    select distinct script_name
    from {schema}.runs
)
