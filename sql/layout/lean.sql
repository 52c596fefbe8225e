-- Two documented indexes that no question of runlog uses: levels other than ERROR are too common for
-- an index, and (run_id, timestamp, id) serves what asks by run.
drop index if exists {schema}.idx_logs_level, {schema}.idx_logs_run_id
