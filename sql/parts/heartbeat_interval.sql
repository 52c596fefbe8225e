-- Seconds between two heartbeats of the run, as the run itself says; 30 where it says nothing. From
-- nothing to a year: with other numbers nobody can reckon.
case jsonb_typeof(metadata #> '{runlog,heartbeat_interval}')
    when 'number'
        then least(greatest((metadata #>> '{runlog,heartbeat_interval}')::numeric, 0), 31536000)::double precision
    else 30
end
