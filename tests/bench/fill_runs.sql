-- A half year of runs of 51 scripts, the same each time: most are short, a few have ten thousand
-- entries, some scripts run a hundred times as often as others. How many entries each is to get
-- stands in records_inserted.
select setseed(0.5);

insert into runs (
    id,
    script_name,
    triggered_by,
    started_at,
    finished_at,
    duration_ms,
    status,
    error_message,
    records_fetched,
    records_inserted,
    records_updated,
    records_failed,
    api_cost,
    sync_mode,
    sync_end_date,
    metadata
)
select
    (
        lpad(to_hex((extract(epoch from started_at) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(number::text), 1, 3) || 'a' || substr(md5(number::text), 4, 15)
    )::uuid,
    script,
    'cron',
    started_at,
    started_at + entries * interval '0.3 s',
    entries * 300,
    case when has_failed then 'error' else 'success' end,
    case when has_failed then 'TimeoutError: no answer after 30 s' end,
    entries * 50,
    entries,
    entries * 9,
    case when mod(number, 40) = 0 then 3 else 0 end,
    entries * 0.0001,
    case when mod(number, 9) = 0 then 'full' else 'incremental' end,
    started_at,
    jsonb_build_object(
        'field_count', 35,
        'runlog', jsonb_build_object(
            'host', 'worker-' || mod(number, 4),
            'pid', 1000 + mod(number, 30000),
            'python', '3.11.7',
            'argv', jsonb_build_array('sync.py', '--mode', 'incremental'),
            'outcome', case when has_failed then 'exception' else 'success' end,
            'heartbeat_at', started_at,
            'heartbeat_interval', 30
        )
    )
from (
    select
        number,
        now() - (%(runs)s - number) * interval '180 days' / %(runs)s - interval '1 minute' as started_at,
        'script-' || lpad(floor(51 * random() ^ 1.7)::text, 2, '0') as script,
        least(
            30000,
            2 + floor(
                exp(3.45 + 1.55 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))
            )
        )::integer as entries,
        random() < 0.03 as has_failed
    from generate_series(0, %(runs)s - 1) as number
) as made;
