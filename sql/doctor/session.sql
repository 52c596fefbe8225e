-- Who answers: its version, its clock, this session, and whether the tables are there.
select
    current_setting('server_version') as version,
    clock_timestamp() as at,
    pg_backend_pid() as pid,
    current_user::text as role,
    to_regclass(format('%I.runs', {schema_literal})) is not null
    and to_regclass(format('%I.logs', {schema_literal})) is not null as has_tables
