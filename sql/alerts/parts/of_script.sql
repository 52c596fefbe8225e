run.script_name between rule.script_name and rule.script_name and (run.script_name, run.started_at) <= (rule.script_name, %(now)s) and {has_start} and {is_ordinary}
