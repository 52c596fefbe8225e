-- What may this role do with the tables: each right that recording or reading needs, one row each.
with tables as (
    select
        to_regclass(format('%I.runs', {schema_literal})) as runs,
        to_regclass(format('%I.logs', {schema_literal})) as logs
),
needed (purpose, verb, table_name, columns) as (
    values
        ('record', 'insert', 'logs', null),
        ('record', 'insert', 'runs', null),
        ('record', 'select', 'runs', '{id,batch_id,script_name,started_at,status,metadata}'),
        (
            'record',
            'update',
            'runs',
            '{finished_at,duration_ms,status,error_message,records_fetched,sync_end_date,metadata}'
        ),
        ('read', 'select', 'logs', '{id,run_id,timestamp,level,step,message,meta}'),
        ('read', 'select', 'runs', '{id,script_name,status,started_at,error_message,metadata}'),
        ('delete', 'delete', 'logs', null),
        ('delete', 'delete', 'runs', null)
)
select
    purpose,
    verb,
    table_name,
    case
        when columns is null then has_table_privilege(relation, verb)
        else (
            select bool_and(has_column_privilege(relation, name, verb))
            from unnest(columns::text[]) as name
        )
    end as is_held
from needed
cross join tables
cross join lateral (
    select case table_name when 'runs' then tables.runs else tables.logs end as relation
) as named
