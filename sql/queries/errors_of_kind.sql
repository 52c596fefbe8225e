-- Where did errors of this kind happen, the newest first?
with {errors}
select
    found.at as timestamp,
    found.script_name,
    found.step,
    coalesce(entry.message, found.message) as message,
    entry.meta,
    found.id,
    found.run_id,
    found.error_type
from (
    select *
    from kind
    where left(fingerprint, 12) = %(fingerprint)s
    order by
        at desc,
        run_id
    limit %(limit)s
) as found
left join {schema}.logs as entry on entry.id = found.id
order by
    found.at desc,
    found.run_id
