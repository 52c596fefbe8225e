3 * interval '1 second' * case jsonb_typeof(run.metadata #> '{runlog,heartbeat_interval}') when 'number' then (run.metadata #>> '{runlog,heartbeat_interval}')::double precision else 30 end
