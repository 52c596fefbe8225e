-- What a run knows of itself so far. A finished row is not touched, one that was only swept is.
update {schema}.runs
set
    batch_id = %(batch_id)s::uuid,
    triggered_by = %(triggered_by)s,
    -- What this process has counted, and what others have that joined the run (join_run.sql).
    (
        records_fetched,
        records_inserted,
        records_updated,
        records_failed,
        calls_analyzed,
        api_cost
    ) = (
        select
            case when count(fetched) > 0 then least(sum(fetched), 2147483647) end,
            case when count(inserted) > 0 then least(sum(inserted), 2147483647) end,
            case when count(updated) > 0 then least(sum(updated), 2147483647) end,
            case when count(failed) > 0 then least(sum(failed), 2147483647) end,
            case when count(analyzed) > 0 then least(sum(analyzed), 2147483647) end,
            sum(cost)
        from (
            select
                %(records_fetched)s::bigint as fetched,
                %(records_inserted)s::bigint as inserted,
                %(records_updated)s::bigint as updated,
                %(records_failed)s::bigint as failed,
                %(calls_analyzed)s::bigint as analyzed,
                %(api_cost)s::numeric as cost
            union all
            select
                (part ->> 'records_fetched')::bigint,
                (part ->> 'records_inserted')::bigint,
                (part ->> 'records_updated')::bigint,
                (part ->> 'records_failed')::bigint,
                (part ->> 'calls_analyzed')::bigint,
                (part ->> 'api_cost')::numeric
            from jsonb_each(metadata #> '{runlog,parts}') as parts (name, part)
        ) as told
    ),
    (sync_mode, sync_start_date, sync_end_date) = (
        select
            coalesce(max(part ->> 'sync_mode'), %(sync_mode)s),
            coalesce(
                min((part ->> 'sync_start_date')::timestamptz), %(sync_start_date)s::timestamptz
            ),
            coalesce(min((part ->> 'sync_end_date')::timestamptz), %(sync_end_date)s::timestamptz)
        from jsonb_each(metadata #> '{runlog,parts}') as parts (name, part)
    ),
    metadata
    = coalesce(metadata, '{}')
    || %(metadata)s::jsonb
    || jsonb_build_object(
        'runlog', coalesce(metadata -> 'runlog', '{}') || (%(metadata)s::jsonb -> 'runlog')
    )
where id = %(id)s::uuid and (status = 'running' or metadata -> 'runlog' ? 'swept_at')
