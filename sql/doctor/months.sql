-- Where do the partitions of logs end, and which is the first UUIDv7 that has fallen between them or
-- behind the last one, into the default partition? What retention keeps of months that are gone lies
-- before the first partition, and belongs there.
--
-- Each gap is a span of ids of its own, so that no partition is read but the default one, by its index.
with part as (
    select
        to_id as from_id,
        coalesce(
            lead(from_id) over (order by to_id),
            {schema}.runlog_id_at(now() + interval '1 day')
        ) as to_id
    from {schema}.runlog_partitions()
    where not is_default
)
select
    now() as at,
    (select from_id from part order by from_id desc limit 1) as end_id,
    (
        select stray.id
        from part as gap
        cross join lateral (
            select id
            from {schema}.logs
            where
                id >= gap.from_id
                and id < gap.to_id
                and substr(id::text, 15, 1) = '7'
            order by id
            limit 1
        ) as stray
        where gap.from_id < gap.to_id
        order by stray.id
        limit 1
    ) as stray_id
