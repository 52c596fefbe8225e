-- Nobody is told of these for a while.
insert into {schema}.runlog_mutes (scripts, rule, until_at, reason, muted_by)
values (
    %(scripts)s,
    %(rule)s,
    coalesce(%(until)s::timestamptz, now() + %(period)s::interval),
    %(reason)s,
    %(who)s
)
returning id
