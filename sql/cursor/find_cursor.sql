-- From where does the next incremental sync go on? What the latest run said counts: the end of a
-- success that was no backfill, a checkpoint of a run that has not succeeded, or what a person set (a
-- row of sync_mode 'cursor', whose sync_end_date may be null: from the beginning).
--
-- Latest by the number that this database gave the row, and not by a time that some machine's clock
-- told. A success of the future whose window also ends there is such a clock's, and counts for
-- nothing as long as it is the future. Only the newest of each kind are looked at, through the index.
--
-- The cursor of a name is that of the script of this name, and with is_named also of every run that
-- was told to share it.
with ends as (
    (
        select id, legacy_id, batch_id, script_name, sync_end_date, finished_at, sync_mode
        from {schema}.runs
        where
            status = 'success'
            and finished_at <= now() + interval '1 minute'
            and (sync_end_date is not null or sync_mode = 'cursor')
            and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
            and (
                (script_name = %(cursor)s and coalesce(metadata #>> '{runlog,cursor}', %(cursor)s) = %(cursor)s)
                or (%(is_named)s and metadata #>> '{runlog,cursor}' = %(cursor)s)
            )
        order by finished_at desc
        limit 20
    )
    union all
    (
        select id, legacy_id, batch_id, script_name, sync_end_date, finished_at, sync_mode
        from {schema}.runs
        where
            status = 'success'
            and finished_at > now() + interval '1 minute'
            and finished_at < 'infinity'
            and (sync_end_date is not null or sync_mode = 'cursor')
            and (sync_end_date is null or sync_end_date <= now())
            and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
            and (
                (script_name = %(cursor)s and coalesce(metadata #>> '{runlog,cursor}', %(cursor)s) = %(cursor)s)
                or (%(is_named)s and metadata #>> '{runlog,cursor}' = %(cursor)s)
            )
        order by finished_at desc
        limit 20
    )
),

last_end as (
    select
        id,
        legacy_id,
        batch_id,
        script_name,
        sync_end_date as moment,
        finished_at as said_at,
        case when sync_mode = 'cursor' then 'set' else 'success' end as source
    from ends
    order by legacy_id desc
    limit 1
),

last_checkpoint as (
    select
        id,
        legacy_id,
        batch_id,
        script_name,
        (metadata #>> '{runlog,checkpoint}')::timestamptz as moment,
        (metadata #>> '{runlog,checkpoint_at}')::timestamptz as said_at,
        'checkpoint' as source
    from {schema}.runs
    where
        status <> 'success'
        -- The columns before the JSON: of a long history few rows get as far as that.
        and legacy_id > coalesce((select legacy_id from last_end), 0)
        and metadata #>> '{runlog,checkpoint}' ~ '^[0-9]{4}-'
        and metadata #>> '{runlog,checkpoint_at}' ~ '^[0-9]{4}-'
        and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
        and (
            (script_name = %(cursor)s and coalesce(metadata #>> '{runlog,cursor}', %(cursor)s) = %(cursor)s)
            or (%(is_named)s and metadata #>> '{runlog,cursor}' = %(cursor)s)
        )
    order by legacy_id desc
    limit 1
)

select
    id as run_id,
    moment,
    said_at,
    source,
    batch_id,
    script_name
from (
    select * from last_end
    union all
    select * from last_checkpoint
) as said
order by legacy_id desc
limit 1
