-- Indexes for the questions that people ask of the two tables every day. The documented indexes of
-- 0001 stay: other programs may rely on them.
--
-- As in 0001 what exists already stays, and on a very large table the indexes are better created
-- beforehand, by the same names, with "create index concurrently".

-- What did this run log, in order? With the index on run_id alone the planner sorts the whole run,
-- or walks the timestamps of every other one. Ascending serves both directions and, as rows arrive
-- in order, fills its pages better than descending.
create index if not exists idx_logs_run_id_timestamp_id on logs (run_id, timestamp, id);

-- Which errors did the runs of the last 24 hours have? And: which did this run have, in order? By
-- run and not by time, because the question starts from the runs: each of them is one look into an
-- index that holds nothing but errors, instead of reading every error there ever was.
create index if not exists idx_logs_errors on logs (run_id, timestamp) where level = 'ERROR';

-- What were the last runs of this script? And, in one pass: the last run of each script.
create index if not exists idx_runs_script_name_started_at on runs (script_name, started_at desc);

-- When did this script last succeed, and up to which date did it sync?
create index if not exists idx_runs_last_success on runs (script_name, finished_at desc)
where status = 'success';

-- What is running now: in all (to find runs whose process is gone), or of this script (overlap)?
-- A heartbeat changes metadata only, which no index holds, so it stays a cheap update in place.
create index if not exists idx_runs_running on runs (script_name, started_at)
where status = 'running';
