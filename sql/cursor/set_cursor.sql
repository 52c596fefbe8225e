-- A person says from where the next sync goes on: a row of its own, so that plain SQL sees it and the
-- history tells who did it. Later than every success there is, whatever that one's clock said.
insert into {schema}.runs (
    id,
    batch_id,
    script_name,
    triggered_by,
    started_at,
    finished_at,
    duration_ms,
    status,
    sync_mode,
    sync_end_date,
    metadata
)
select
    %(id)s::uuid,
    %(id)s::uuid,
    %(script_name)s,
    'manual',
    said.at,
    said.at,
    0,
    'success',
    'cursor',
    %(moment)s::timestamptz,
    %(metadata)s::jsonb
from (
    select
        greatest(now(), max(finished_at) + interval '1 microsecond') as at
    from {schema}.runs
    where script_name = %(script_name)s and status = 'success'
) as said
on conflict do nothing
