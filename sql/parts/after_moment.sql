-- The moment of the last entry of the page before, from its own row if that is still there: a program
-- may not be able to hold it.
coalesce((select timestamp from {schema}.logs where id = %(after_id)s::uuid), %(after_at)s::timestamptz)
