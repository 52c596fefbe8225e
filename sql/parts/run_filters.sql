-- Which runs are asked for; a filter that is null asks nothing. What is not ordinary is there for who
-- asks for it: for "cursor", for "backfill", or for a batch, of which a backfill may be a part.
case %(sync_mode)s::text
    when 'cursor' then sync_mode = 'cursor'
    when 'backfill' then metadata #>> '{runlog,backfill}' = 'true'
    else
        (%(sync_mode)s is null or sync_mode = %(sync_mode)s)
        and (%(batch_id)s::uuid is not null or {is_ordinary})
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
