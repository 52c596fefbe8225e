-- The bulk lane: the spool's bytes as they are, for a backlog.
copy {schema}.logs (id, run_id, timestamp, level, step, message, meta) from stdin
