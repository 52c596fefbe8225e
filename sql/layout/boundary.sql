-- Where the table of before ends and the months begin: the next month, or the one after when that
-- begins within a day, since clocks differ; and whether ids lie behind it, which other programs made.
select
  boundary,
  exists (select from {schema}.logs where id >= {schema}.runlog_id_at(boundary))
from (
  select date_trunc('month', now() + interval '1 day', 'UTC') + interval '1 month' as boundary
) as months
