-- Which levels do entries have besides the documented four? Another program's table may have no check
-- on them.
with {level_names}

select level
from found
where level not in ('DEBUG', 'INFO', 'WARNING', 'ERROR')
limit 5
