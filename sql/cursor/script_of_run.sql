-- Which script is this a run of? For a process that joined it.
select script_name from {schema}.runs where id = %(id)s::uuid
