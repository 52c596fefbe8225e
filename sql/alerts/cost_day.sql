-- What did this day cost so far, against the budget (threshold)? One incident a day, which ends with
-- it. Days and months are those of the script's time zone; '*' is all scripts together. One pass
-- over the runs for each moment at which a day began, whatever the number of scripts.
with span as (
    select
        rule.*,
        date_trunc('day', %(now)s at time zone rule.timezone) as local_at,
        interval '1 day' as length,
        'YYYY-MM-DD' as form
    from {rule}
),
{spent}
