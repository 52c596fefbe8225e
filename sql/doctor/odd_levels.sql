-- Which levels do entries have besides the documented four? Another program's table may have no check
-- on them. One look into the index a level.
with recursive found (level) as (
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

select level
from found
where level not in ('DEBUG', 'INFO', 'WARNING', 'ERROR')
limit 5
