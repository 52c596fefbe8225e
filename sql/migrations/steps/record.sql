-- Notes a migration as applied, in the transaction that applies it and just before its statements:
-- so the first one still sees whether the tables were here before runlog (adopted).
insert into runlog_migrations (version, name, checksum, adopted)
select
  {version},
  {name},
  {checksum},
  case
    when {version} = 1 then to_regclass('runs') is not null or to_regclass('logs') is not null
    else (select adopted from runlog_migrations where version = 1)
  end
on conflict (version) do nothing;
