-- A process that joined the run (RUNLOG_RUN_ID) tells what it has counted so far and which window it
-- syncs. Its figures are absolute and kept under a key of its own, and the columns get the difference:
-- told twice they change nothing. The run may have ended meanwhile; its status is not touched.
--
-- Why this is not one statement with update_run.sql, a sum over the parts of which the owner is one: the
-- row has the owner's own figures only in its columns, where the parts' are added already. To keep them
-- apart, the metadata of every run, also of the many that nobody joins, would have to hold its figures a
-- second time, and where the owner is of a runlog that does not, they would stand still and the columns go
-- back with each part that tells. A difference needs nothing but what the part itself has noted.
update {schema}.runs
set
    records_fetched = case
        when %(records_fetched)s::bigint is null then records_fetched
        else least(
            coalesce(records_fetched, 0)
            - coalesce((metadata #>> array['runlog', 'parts', %(part)s, 'records_fetched'])::bigint, 0)
            + %(records_fetched)s::bigint,
            2147483647
        )
    end,
    records_inserted = case
        when %(records_inserted)s::bigint is null then records_inserted
        else least(
            coalesce(records_inserted, 0)
            - coalesce((metadata #>> array['runlog', 'parts', %(part)s, 'records_inserted'])::bigint, 0)
            + %(records_inserted)s::bigint,
            2147483647
        )
    end,
    records_updated = case
        when %(records_updated)s::bigint is null then records_updated
        else least(
            coalesce(records_updated, 0)
            - coalesce((metadata #>> array['runlog', 'parts', %(part)s, 'records_updated'])::bigint, 0)
            + %(records_updated)s::bigint,
            2147483647
        )
    end,
    records_failed = case
        when %(records_failed)s::bigint is null then records_failed
        else least(
            coalesce(records_failed, 0)
            - coalesce((metadata #>> array['runlog', 'parts', %(part)s, 'records_failed'])::bigint, 0)
            + %(records_failed)s::bigint,
            2147483647
        )
    end,
    calls_analyzed = case
        when %(calls_analyzed)s::bigint is null then calls_analyzed
        else least(
            coalesce(calls_analyzed, 0)
            - coalesce((metadata #>> array['runlog', 'parts', %(part)s, 'calls_analyzed'])::bigint, 0)
            + %(calls_analyzed)s::bigint,
            2147483647
        )
    end,
    api_cost = case
        when %(api_cost)s::numeric is null then api_cost
        else
            coalesce(api_cost, 0)
            - coalesce((metadata #>> array['runlog', 'parts', %(part)s, 'api_cost'])::numeric, 0)
            + %(api_cost)s::numeric
    end,
    sync_mode = coalesce(%(sync_mode)s, sync_mode),
    sync_start_date = coalesce(%(sync_start_date)s::timestamptz, sync_start_date),
    sync_end_date = coalesce(%(sync_end_date)s::timestamptz, sync_end_date),
    metadata
    = coalesce(metadata, '{}')
    || %(metadata)s::jsonb
    || jsonb_build_object(
        'runlog',
        coalesce(metadata -> 'runlog', '{}')
        || (%(metadata)s::jsonb -> 'runlog')
        || jsonb_build_object(
            'parts',
            coalesce(metadata #> '{runlog,parts}', '{}')
            || jsonb_build_object(
                %(part)s::text,
                jsonb_strip_nulls(
                    jsonb_build_object(
                        'records_fetched', %(records_fetched)s::bigint,
                        'records_inserted', %(records_inserted)s::bigint,
                        'records_updated', %(records_updated)s::bigint,
                        'records_failed', %(records_failed)s::bigint,
                        'calls_analyzed', %(calls_analyzed)s::bigint,
                        'api_cost', %(api_cost)s::numeric,
                        'sync_mode', %(sync_mode)s::text,
                        'sync_start_date', %(sync_start_date)s::timestamptz,
                        'sync_end_date', %(sync_end_date)s::timestamptz
                    )
                )
            )
        )
    )
where id = %(id)s::uuid
