-- This watcher has looked.
insert into {schema}.runlog_watchers as watcher (
    name, every, version, config_hash, first_at, evaluated_at, error
)
values (%(watcher)s, %(every)s, %(version)s, %(config_hash)s, %(now)s, %(now)s, null)
on conflict (name) do update set
    every = excluded.every,
    version = excluded.version,
    config_hash = excluded.config_hash,
    evaluated_at = greatest(watcher.evaluated_at, excluded.evaluated_at),
    error = null
