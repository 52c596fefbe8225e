-- The table of before says where it ends, so that attaching it scans nothing. Not yet proven, so the
-- lock is short.
alter table {schema}.logs
  add constraint runlog_until check (id < {schema}.runlog_id_at({boundary})) not valid
