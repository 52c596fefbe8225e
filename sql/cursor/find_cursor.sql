-- From where does the next incremental sync of a script go on? What was said last counts: the end of
-- a success that was no backfill, a checkpoint of a run that has not succeeded, or what a person set
-- (a row of sync_mode 'cursor', whose sync_end_date may be null: from the beginning).
with last_end as (
    select
        id,
        sync_end_date as moment,
        finished_at as said_at,
        case when sync_mode = 'cursor' then 'set' else 'success' end as source
    from {schema}.runs
    where
        script_name = %(script_name)s
        and status = 'success'
        and finished_at is not null
        and (sync_end_date is not null or sync_mode = 'cursor')
        and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
    order by finished_at desc
    limit 1
),

last_checkpoint as (
    select
        id,
        (metadata #>> '{runlog,checkpoint}')::timestamptz as moment,
        (metadata #>> '{runlog,checkpoint_at}')::timestamptz as said_at,
        'checkpoint' as source
    from {schema}.runs
    where
        script_name = %(script_name)s
        and status <> 'success'
        -- The columns before the JSON: of a long history few rows get as far as that.
        and (finished_at is null or finished_at >= coalesce((select said_at from last_end), '-infinity'))
        and metadata #>> '{runlog,checkpoint}' ~ '^\d{4}-'
        and metadata #>> '{runlog,checkpoint_at}' ~ '^\d{4}-'
        and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
    order by said_at desc
    limit 1
)

select
    id as run_id,
    moment,
    said_at,
    source
from (
    select * from last_end
    union all
    select * from last_checkpoint
) as said
order by said_at desc
limit 1
