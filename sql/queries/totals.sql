-- What came together in each of the last spans of time, the newest first (span 0 ends now)? A span
-- in which nothing began has no row.
select
    floor(extract(epoch from now() - started_at) / extract(epoch from %(span)s::interval))::integer
        as span,
    count(*) as runs,
    count(*) filter (where status = 'success') as successful,
    count(*) filter (where status = 'error') as failed,
    sum(records_fetched) as records_fetched,
    sum(records_inserted) as records_inserted,
    sum(records_updated) as records_updated,
    sum(records_failed) as records_failed,
    sum(calls_analyzed) as calls_analyzed,
    sum(api_cost) as api_cost
from {schema}.runs
where
    started_at > now() - %(spans)s * %(span)s::interval
    and started_at <= now()
    and {is_ordinary}
    and (%(script)s::text is null or script_name = %(script)s)
    and (%(script_like)s::text is null or script_name like %(script_like)s)
group by 1
order by 1
