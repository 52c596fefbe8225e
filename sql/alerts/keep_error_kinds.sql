-- Adds the kinds of errors of the last day to those that are known. Told twice it changes nothing.
-- noticed_at is when a watcher first saw the kind, or saw it again after 30 days of silence. What
-- there is when nobody has ever looked is not new.
insert into {schema}.runlog_error_kinds as known (
    fingerprint, script_name, error_type, message, first_seen, first_run_id, last_seen, noticed_at
)
select
    coalesce(carried, {fingerprint}),
    script_name,
    (array_agg(error_type order by timestamp))[1],
    (array_agg(message order by timestamp))[1],
    min(timestamp),
    (array_agg(run_id order by timestamp))[1],
    max(timestamp),
    case when %(is_first_look)s then '-infinity'::timestamptz else %(now)s end
from (
    select
        run.script_name,
        entry.run_id,
        entry.timestamp,
        entry.meta ->> 'error_type' as error_type,
        {carried_fingerprint} as carried,
        left(entry.message, 500) as message
    from {schema}.logs as entry
    join {schema}.runs as run on run.id = entry.run_id
    where
        entry.level = 'ERROR'
        -- Told as asked for.
        and entry.step <> 'ALERT'
        and entry.timestamp > %(now)s - interval '1 day'
        and entry.timestamp <= %(now)s
) as error
group by 1, 2
on conflict (fingerprint, script_name) do update set
    noticed_at = case
        when known.last_seen < excluded.first_seen - interval '30 days' then excluded.noticed_at
        else known.noticed_at
    end,
    message = case
        when known.last_seen < excluded.first_seen - interval '30 days' then excluded.message
        else known.message
    end,
    first_seen = case
        when known.last_seen < excluded.first_seen - interval '30 days' then excluded.first_seen
        else least(known.first_seen, excluded.first_seen)
    end,
    first_run_id = case
        when
            known.last_seen < excluded.first_seen - interval '30 days'
            or excluded.first_seen < known.first_seen
            then excluded.first_run_id
        else known.first_run_id
    end,
    last_seen = greatest(known.last_seen, excluded.last_seen)
where excluded.last_seen > known.last_seen or excluded.first_seen < known.first_seen
