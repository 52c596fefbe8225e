case when run.metadata #>> '{runlog,heartbeat_at}' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}' then (run.metadata #>> '{runlog,heartbeat_at}')::timestamptz end
