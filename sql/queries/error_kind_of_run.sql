-- Of which kind was the last error of this run, and how many runs of its script had the same?
with {errors}
select
    left(fingerprint, 12) as fingerprint,
    count(distinct run_id) as runs
from kind
where
    fingerprint = (
        select fingerprint
        from kind
        where run_id = %(run_id)s
        order by at desc
        limit 1
    )
group by kind.fingerprint
