alter table {schema}.logs drop constraint if exists runlog_until
