-- A run begins. Idempotent; the first heartbeat is in the very row, by the database's clock, so
-- that a run which dies at once can be told from one that another program wrote.
--
-- Whether it is there is asked before, and apart: a conflict comes too late, the row would have taken a
-- number of legacy_id; and asked in one with the insert, a node of a cluster would number the row itself.
with asked as materialized (
    select 1
    where not exists (select 1 from {schema}.runs where id = %(id)s::uuid)
)

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
select
    %(id)s::uuid,
    %(batch_id)s::uuid,
    %(script_name)s::text,
    %(triggered_by)s::text,
    %(started_at)s::timestamptz,
    'running',
    %(sync_mode)s::text,
    %(sync_start_date)s::timestamptz,
    %(sync_end_date)s::timestamptz,
    jsonb_set(
        %(metadata)s::jsonb,
        '{runlog,heartbeat_at}',
        to_jsonb(case when %(is_live)s then now() else %(started_at)s::timestamptz end)
    )
from asked
on conflict do nothing
