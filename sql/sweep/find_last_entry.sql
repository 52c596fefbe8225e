-- What did this run say last? Apart from closing it, because reading entries is a right that a writer
-- need not have.
select concat('last entry [', step, '] ', left(message, 200)) as said
from {schema}.logs
where run_id = %(id)s::uuid
order by
    timestamp desc,
    id desc
limit 1
