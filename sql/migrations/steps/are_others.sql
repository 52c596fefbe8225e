-- A row where both tables are there and another program made them.
select
where to_regclass('runs') is not null
  and to_regclass('logs') is not null
  and coalesce((select adopted from runlog_migrations where version = 1), true);
