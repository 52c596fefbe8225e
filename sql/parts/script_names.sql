-- Every script's name: the recursive table "script", one look into the index a name, instead of
-- reading every run.
recursive script (name) as (
    (
        select script_name
        from {schema}.runs
        order by script_name
        limit 1
    )
    union all
    select (
        select script_name
        from {schema}.runs
        where script_name > script.name
        order by script_name
        limit 1
    )
    from script
    where script.name is not null
)
