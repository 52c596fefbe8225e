jsonb_to_recordset(%(rules)s::jsonb) as rule (script_name text, threshold numeric, after integer, timezone text)
