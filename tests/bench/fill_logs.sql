-- The entries of the runs from one to another, in order of time: five steps, one in two hundred of
-- them an error with its stack.
insert into logs (id, run_id, timestamp, level, step, message, meta)
select
    (
        lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(place & 4095), 3, '0') || 'b'
        || substr(run.id::text, 21, 3) || lpad(to_hex(place), 12, '0')
    )::uuid,
    run.id,
    at,
    level,
    step,
    case level
        when 'ERROR' then 'contact ' || 100000 + place || ' could not be stored after 3 attempts'
        else 'Fetched page ' || place || ' of contacts from the source, '
            || 100 + mod(place, 100) || ' records in ' || 50 + mod(place, 400) || ' ms'
    end,
    case level
        when 'ERROR' then jsonb_build_object(
            'error', 'HTTP 502', 'error_type', 'requests.exceptions.HTTPError',
            'hubspot_id', 100000 + place, 'logger', 'sync.hubspot',
            'error_fingerprint', '5ba2a6a4d8f1',
            'stack', repeat('  File "/srv/sync/client.py", line 120, in send\n    response.raise_for_status()\n', 18)
        )
        else jsonb_build_object(
            'page', place, 'count', 100 + mod(place, 100), 'entity', 'contacts', 'logger', 'sync.hubspot',
            'duration_ms', 50 + mod(place, 400), 'cursor', md5(at::text)
        )
    end
from (
    select
        id,
        started_at,
        records_inserted as entries
    from runs
    order by
        started_at,
        id
    offset %(first)s
    limit %(runs)s
) as run
cross join lateral (
    select
        place,
        run.started_at + place * interval '0.3 s' as at,
        case
            when place = 0 then 'START'
            when place = run.entries - 1 then 'END'
            when place * 5 < run.entries * 2 then 'FETCH'
            when place * 5 < run.entries * 3 then 'TRANSFORM'
            else 'UPSERT'
        end as step,
        case
            when chance < 0.005 then 'ERROR'
            when chance < 0.02 then 'WARNING'
            when chance < 0.12 then 'DEBUG'
            else 'INFO'
        end as level
    from (
        select
            place,
            random() as chance
        from generate_series(0, run.entries - 1) as place
    ) as thrown
) as entry
