-- Which runs are asked for; a filter that is null asks nothing. A cursor that a person set is a row
-- as well, and no run: it is there for who asks for it.
case
    when %(sync_mode)s::text is null then sync_mode is distinct from 'cursor'
    else sync_mode = %(sync_mode)s
end
and (%(triggered_by)s::text is null or triggered_by = %(triggered_by)s)
and (%(host)s::text is null or metadata #>> '{runlog,host}' = %(host)s)
and (%(batch_id)s::uuid is null or batch_id = %(batch_id)s)
and (
    coalesce(%(text_like)s::text, %(text_ascii)s, %(text_ilike)s) is null
    or script_name ilike coalesce(%(text_like)s, %(text_ascii)s, %(text_ilike)s)
    or error_message ilike coalesce(%(text_like)s, %(text_ascii)s, %(text_ilike)s)
    or metadata::text ilike coalesce(%(text_like)s, %(text_ascii)s, %(text_ilike)s)
)
and (%(since)s::timestamptz is null or started_at >= %(since)s)
and (%(period)s::interval is null or started_at >= now() - %(period)s)
and (%(until)s::timestamptz is null or started_at < %(until)s)
