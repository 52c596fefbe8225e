-- The sure lane: one batch of entries, one statement, one round trip, any number of times.
-- No conflict target: naming one needs the right to read, and fails on partitioned tables (42P10).
-- Text arrays with casts here: a value that does not fit is refused by the server with a SQLSTATE.
insert into {schema}.logs (id, run_id, timestamp, level, step, message, meta)
select
    entry.id::uuid,
    entry.run_id::uuid,
    entry.ts::timestamptz,
    entry.level,
    entry.step,
    entry.message,
    entry.meta::jsonb
from unnest(
    %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[]
) as entry (id, run_id, ts, level, step, message, meta)
on conflict do nothing
