-- What a role needs to watch: it reads the history and changes only what watchers keep. To close
-- runs whose process is gone it needs a writer's rights too; without them it sees such runs itself.
-- The policies count only once row level security is on.
grant usage on schema {schema} to {role};

grant select on logs, runs, runlog_migrations to {role};

grant select, insert, update, delete
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

drop policy if exists {all_policy} on runlog_channels;
create policy {all_policy} on runlog_channels for all to {role} using (true) with check (true);

drop policy if exists {all_policy} on runlog_error_kinds;
create policy {all_policy} on runlog_error_kinds for all to {role} using (true) with check (true);

drop policy if exists {all_policy} on runlog_incidents;
create policy {all_policy} on runlog_incidents for all to {role} using (true) with check (true);

drop policy if exists {all_policy} on runlog_mutes;
create policy {all_policy} on runlog_mutes for all to {role} using (true) with check (true);

drop policy if exists {all_policy} on runlog_notifications;
create policy {all_policy} on runlog_notifications for all to {role} using (true) with check (true);

drop policy if exists {all_policy} on runlog_scripts;
create policy {all_policy} on runlog_scripts for all to {role} using (true) with check (true);

drop policy if exists {all_policy} on runlog_tellings;
create policy {all_policy} on runlog_tellings for all to {role} using (true) with check (true);

drop policy if exists {all_policy} on runlog_watchers;
create policy {all_policy} on runlog_watchers for all to {role} using (true) with check (true);
