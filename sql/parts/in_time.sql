-- When the entry was logged, as far as that is asked for.
(%(since)s::timestamptz is null or timestamp >= %(since)s)
and (%(period)s::interval is null or timestamp >= now() - %(period)s)
and (%(until)s::timestamptz is null or timestamp < %(until)s)
