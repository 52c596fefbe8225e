-- What did this month cost so far, against the budget (threshold)? One incident a month, which ends with
-- it. Days and months are those of the script's time zone; '*' is all scripts together. One pass
-- over the runs for each moment at which a month began, whatever the number of scripts.
with span as (
    select
        rule.*,
        date_trunc('month', %(now)s at time zone rule.timezone) as local_at,
        interval '1 month' as length,
        'YYYY-MM' as form
    from {rule}
),
{spent}
