-- The columns of logs that can be given: what PostgreSQL computes by itself it computes again.
select string_agg(quote_ident(attname), ', ' order by attnum) as columns
from pg_catalog.pg_attribute
where
    attrelid = to_regclass(format('%I.logs', {schema_literal}::text))
    and attnum > 0
    and not attisdropped
    and attgenerated = ''
