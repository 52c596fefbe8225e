-- A run begins. Idempotent; the first heartbeat is in the very row, by the database's clock, so
-- that a run which dies at once can be told from one that another program wrote.
insert into {schema}.runs (
    id,
    batch_id,
    script_name,
    triggered_by,
    started_at,
    status,
    sync_mode,
    sync_start_date,
    sync_end_date,
    metadata
)
values (
    %(id)s::uuid,
    %(batch_id)s::uuid,
    %(script_name)s,
    %(triggered_by)s,
    %(started_at)s::timestamptz,
    'running',
    %(sync_mode)s,
    %(sync_start_date)s::timestamptz,
    %(sync_end_date)s::timestamptz,
    jsonb_set(
        %(metadata)s::jsonb,
        '{runlog,heartbeat_at}',
        to_jsonb(case when %(is_live)s then now() else %(started_at)s::timestamptz end)
    )
)
on conflict do nothing
