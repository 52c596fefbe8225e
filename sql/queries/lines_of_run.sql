-- What did this run log, each entry with its number in the run? Numbers are counted before anything
-- is left out, so that a filter does not change them. The last lines of what matches, in order;
-- those before a number, or those from a number on.
select *
from (
    select *
    from (
        select
            {entry_moment} as timestamp,
            level,
            step,
            message,
            meta,
            id,
            run_id,
            row_number() over (order by timestamp, id) as number
        from {schema}.logs
        where run_id = %(run_id)s
    ) as line
    where
        (%(before_number)s::bigint is null or number < %(before_number)s)
        and (%(from_number)s::bigint is null or number >= %(from_number)s)
        and (%(step)s::text is null or step = %(step)s)
        and (%(step_like)s::text is null or step like %(step_like)s)
        and (%(levels)s::text[] is null or upper(level) = any(%(levels)s))
        and {holds_text}
    order by
        case when %(from_number)s::bigint is null then number end desc,
        number
    limit %(limit)s
) as page
order by number
