-- A run that ended tells of its entries, so that nobody need add them up again: how many, of each
-- level, and of each step how many and how long (steps_of_run.sql). Told again it changes nothing.
-- What comes later is not in it: whoever reads compares the number of entries.
--
-- Not told: of very many entries or steps, and by a role that may not see all of them.
update {schema}.runs as run
set
    metadata = jsonb_set(run.metadata, '{runlog}', run.metadata -> 'runlog' || told.figures)
from (
    select
        part.id,
        part.finished_at,
        count(*) as parts,
        sum(part.entries) filter (where part.step is null) as entries,
        jsonb_build_object(
            'entries',
            sum(part.entries) filter (where part.step is null),
            'levels',
            jsonb_object_agg(part.level, part.entries) filter (where part.step is null),
            'steps',
            jsonb_object_agg(
                part.step,
                jsonb_build_object('entries', part.entries, 'ms', round(1000 * part.seconds))
            ) filter (where part.level is null)
        ) as figures
    from (
        select
            ended.id,
            ended.finished_at,
            entry.step,
            entry.level,
            count(*) as entries,
            sum(
                extract(
                    epoch from greatest(
                        coalesce(entry.next_at, least(ended.finished_at, '9999-12-30')),
                        entry.timestamp
                    ) - entry.timestamp
                )
            ) as seconds
        from {schema}.runs as ended
        cross join lateral (
            select
                step,
                level,
                {entry_moment} as timestamp,
                lead({entry_moment}) over (order by timestamp, id) as next_at
            from (
                select
                    id,
                    timestamp,
                    step,
                    level
                from {schema}.logs
                where run_id = ended.id
                limit 100001
            ) as few
        ) as entry
        where ended.id = %(id)s::uuid and ended.status <> 'running'
        group by grouping sets (
            (ended.id, ended.finished_at, entry.step),
            (ended.id, ended.finished_at, entry.level)
        )
    ) as part
    group by
        part.id,
        part.finished_at
) as told
where
    run.id = told.id
    -- Looked at again by who waited for another's update: of two, that of more entries stays.
    and run.status <> 'running'
    and run.finished_at is not distinct from told.finished_at
    and jsonb_typeof(run.metadata -> 'runlog') = 'object'
    and case jsonb_typeof(run.metadata #> '{runlog,entries}')
        when 'number' then (run.metadata #>> '{runlog,entries}')::numeric
        else 0
    end <= told.entries
    and not run.metadata -> 'runlog' @> told.figures
    and told.entries <= 100000
    and told.parts <= 100
    and not row_security_active(quote_ident({schema_literal}) || '.logs')
