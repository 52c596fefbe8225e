-- Which channels are known, and do they take messages?
select
    name,
    first_seen_at,
    last_sent_at,
    failing_since,
    last_error
from {schema}.runlog_channels
order by name
