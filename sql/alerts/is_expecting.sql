-- Do the newest runs of any script declare what is expected of it?
with recursive script (name) as (
    -- One look into the index a script, instead of reading every run to find the names.
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
select exists (
    select
    from script
    cross join lateral (
        select run.metadata
        from {schema}.runs as run
        where run.script_name = script.name
        order by run.started_at desc
        limit 20
    ) as recent
    where recent.metadata #> '{runlog,expects}' is not null
)
