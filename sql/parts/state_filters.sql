-- Which runs stand as asked for; see queries.Run.state.
(%(status)s::text is null or status = %(status)s)
and (%(outcome)s::text is null or metadata #>> '{runlog,outcome}' = %(outcome)s)
and (not %(is_partial)s::boolean or records_failed > 0)
and (not %(is_lost)s::boolean or {is_silent})
