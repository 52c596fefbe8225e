-- One batch of the entries of these runs. By id, which every layout of the table has.
delete from {schema}.logs
where id in (
    select id
    from {schema}.logs
    where run_id = any(%(ids)s::uuid[])
    limit %(limit)s
)
