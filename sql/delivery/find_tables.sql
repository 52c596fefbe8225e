-- An error where one of the tables is missing. Asks for no right to read them, which a writer may not have.
select
    format('%I.runs', {schema_literal}::text)::regclass,
    format('%I.logs', {schema_literal}::text)::regclass
