-- Which runs have this number (legacy_id)? In adopted tables it need not be unique.
select id
from {schema}.runs
where legacy_id = %(number)s
order by started_at desc nulls last
limit 2
