-- Reads the whole table; writers go on meanwhile.
alter table {schema}.logs validate constraint runlog_until
