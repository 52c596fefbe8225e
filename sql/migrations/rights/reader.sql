-- What a role needs to read the history, and nothing to change it.
-- The policies count only once row level security is on; they are there before, so that switching
-- it on later does not blind the reader.
grant usage on schema {schema} to {role};

grant select on logs, runs, runlog_migrations to {role};

grant select
on runlog_script_health, runlog_daily_statistics, runlog_error_groups, runlog_step_durations
to {role};

grant select
on
  runlog_channels, runlog_error_kinds, runlog_incidents, runlog_mutes,
  runlog_notifications, runlog_scripts, runlog_tellings, runlog_watchers
to {role};

-- logs before runs: that is the order in which a writer of entries locks them.
drop policy if exists {select_policy} on logs;
create policy {select_policy} on logs for select to {role} using (true);

drop policy if exists {select_policy} on runs;
create policy {select_policy} on runs for select to {role} using (true);

drop policy if exists {select_policy} on runlog_migrations;
create policy {select_policy} on runlog_migrations for select to {role} using (true);

drop policy if exists {select_policy} on runlog_channels;
create policy {select_policy} on runlog_channels for select to {role} using (true);

drop policy if exists {select_policy} on runlog_error_kinds;
create policy {select_policy} on runlog_error_kinds for select to {role} using (true);

drop policy if exists {select_policy} on runlog_incidents;
create policy {select_policy} on runlog_incidents for select to {role} using (true);

drop policy if exists {select_policy} on runlog_mutes;
create policy {select_policy} on runlog_mutes for select to {role} using (true);

drop policy if exists {select_policy} on runlog_notifications;
create policy {select_policy} on runlog_notifications for select to {role} using (true);

drop policy if exists {select_policy} on runlog_scripts;
create policy {select_policy} on runlog_scripts for select to {role} using (true);

drop policy if exists {select_policy} on runlog_tellings;
create policy {select_policy} on runlog_tellings for select to {role} using (true);

drop policy if exists {select_policy} on runlog_watchers;
create policy {select_policy} on runlog_watchers for select to {role} using (true);
