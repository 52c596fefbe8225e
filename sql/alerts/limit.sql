-- How long a statement of this transaction may take.
select set_config('statement_timeout', %(milliseconds)s, true)
