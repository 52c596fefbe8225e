-- What ties entries to their runs: each constraint's name, and how it is made again.
select format('%I', conname) as name, pg_get_constraintdef(oid) as definition
from pg_constraint
where conrelid = format('%I.logs', {schema_literal})::regclass
  and confrelid = format('%I.runs', {schema_literal})::regclass
  and contype = 'f'
