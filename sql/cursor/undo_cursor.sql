-- Takes back the last cursor that a person set for this script or name, as if it had not been set.
delete from {schema}.runs
where id = (
    select id
    from {schema}.runs
    where script_name = %(script_name)s and sync_mode = 'cursor'
    order by legacy_id desc
    limit 1
)
returning
    id,
    sync_end_date as moment
