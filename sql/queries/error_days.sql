-- How often did each kind of error happen on each day of the time zone? A day without it has no row.
with {errors}
select
    left(fingerprint, 12) as fingerprint,
    (at at time zone %(timezone)s)::date as day,
    count(*) as errors
from kind
group by
    kind.fingerprint,
    2
order by
    2,
    1
