-- Every level that entries have, one look into the index a level.
recursive found (level) as (
    (
        select level
        from {schema}.logs
        order by level
        limit 1
    )
    union all
    select (
        select level
        from {schema}.logs
        where level > found.level
        order by level
        limit 1
    )
    from found
    where found.level is not null
)
