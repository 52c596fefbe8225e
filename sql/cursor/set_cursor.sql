-- A person says from where the next sync goes on: a row of its own, so that plain SQL sees it and the
-- history tells who did it. The latest row of the script, whatever the clocks of earlier ones said.
insert into {schema}.runs (
    id,
    batch_id,
    script_name,
    triggered_by,
    started_at,
    finished_at,
    status,
    sync_mode,
    sync_end_date,
    metadata
)
values (
    %(id)s::uuid,
    %(id)s::uuid,
    %(script_name)s,
    'manual',
    now(),
    now(),
    'success',
    'cursor',
    %(moment)s::timestamptz,
    %(metadata)s::jsonb
)
on conflict do nothing
