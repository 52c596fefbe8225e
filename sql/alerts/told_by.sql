-- Which incidents does this message tell?
select incident_id
from {schema}.runlog_tellings
where notification_id = %(id)s and kind = %(kind)s
