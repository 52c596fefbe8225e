-- Which statements let the tables be updated in a publication?
select format('alter table %I.%I add primary key (id)', {schema_literal}::text, relation.relname) as statement
from pg_catalog.pg_class as relation
where
    relation.oid in (
        to_regclass(format('%I.runs', {schema_literal}::text)),
        to_regclass(format('%I.logs', {schema_literal}::text))
    )
    and not exists (
        select from pg_catalog.pg_index as index where index.indrelid = relation.oid and index.indisprimary
    )
