-- Which errors happened, how often, where, since when?
with {errors}
select
    left(fingerprint, 12) as fingerprint,
    (array_agg(error_type order by at desc))[1] as error_type,
    (array_agg(message order by at desc))[1] as message,
    count(*) as errors,
    count(distinct run_id) as runs,
    array_agg(distinct script_name collate "C") as scripts,
    array_agg(distinct step collate "C") as steps,
    min(at) as first_seen,
    max(at) as last_seen,
    (array_agg(script_name order by at desc))[1] as last_script,
    (array_agg(run_id order by at desc))[1] as last_run_id,
    now() as read_at
from kind
where %(fingerprint)s::text is null or left(fingerprint, 12) = %(fingerprint)s
group by kind.fingerprint
order by
    last_seen desc,
    kind.fingerprint
limit %(limit)s
