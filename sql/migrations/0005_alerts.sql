-- What watchers ("runlog watch") keep, so that any number of them, on any machine, tell each
-- incident once: what is expected of scripts, incidents, whom they were told, and who watches.
-- Programs that record runs never touch these tables, and everything else works without them.
--
-- A rule that holds for a script is an incident, from its opening to its resolution. An incident
-- told to a channel is a telling; what is sent is a notification, whose id is the idempotency key.
-- Names, not addresses, of channels are kept: an address is a secret.

-- When is the next run of a script due? Cron is understood by watchers, and what they find out is
-- here as plain moments, so that SQL, Grafana and pg_cron see missed runs without understanding it.
create table if not exists runlog_scripts (
  script_name text primary key,
  schedule text,
  timezone text not null default 'UTC',
  declared_at timestamptz not null default now(),
  next_due_at timestamptz,
  overdue_at timestamptz,
  paused_until timestamptz,
  retired_at timestamptz,
  changed_by text,
  updated_at timestamptz not null default now(),
  check ((next_due_at is null) = (overdue_at is null)),
  check (overdue_at >= next_due_at)
);

create table if not exists runlog_incidents (
  id uuid primary key default gen_random_uuid(),
  script_name text not null,
  rule text not null,
  subject text not null default '',
  occasion text not null,
  severity text not null check (severity in ('info', 'warning', 'error')),
  began_at timestamptz not null,
  opened_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  expires_at timestamptz,
  resolved_at timestamptz,
  resolution text check (
    resolution in ('recovered', 'healed', 'expired', 'unscheduled', 'paused', 'closed')
  ),
  is_flapping boolean not null default false,
  acknowledged_at timestamptz,
  acknowledged_by text,
  parent_id uuid references runlog_incidents (id) on delete set null,
  run_id uuid,
  details jsonb not null default '{}',
  check ((resolved_at is null) = (resolution is null))
);

-- One open incident of a kind, however many watchers look.
create unique index if not exists idx_runlog_incidents_open
on runlog_incidents (script_name, rule, subject)
where resolved_at is null;

-- And none twice for the same occasion: who looks with old eyes cannot open it again.
create unique index if not exists idx_runlog_incidents_occasion
on runlog_incidents (script_name, rule, subject, occasion);

-- What happened lately? How often within 7 days (flapping)?
create index if not exists idx_runlog_incidents_opened_at on runlog_incidents (opened_at);

-- Which incidents hang on one that is deleted?
create index if not exists idx_runlog_incidents_parent on runlog_incidents (parent_id)
where parent_id is not null;

create table if not exists runlog_channels (
  name text primary key,
  first_seen_at timestamptz not null default now(),
  last_sent_at timestamptz,
  failing_since timestamptz,
  last_error text
);

create table if not exists runlog_notifications (
  id uuid primary key default gen_random_uuid(),
  channel text not null,
  kind text not null check (kind in ('opened', 'resolved', 'reminder', 'test')),
  created_at timestamptz not null default now(),
  due_at timestamptz not null default now(),
  claimed_by text,
  claimed_until timestamptz,
  attempts integer not null default 0,
  unknown_ends integer not null default 0,
  sending_at timestamptz,
  sent_at timestamptz,
  given_up_at timestamptz,
  last_error text,
  check (sent_at is null or given_up_at is null)
);

-- What is to be sent, the oldest first?
create index if not exists idx_runlog_notifications_waiting on runlog_notifications (due_at)
where sent_at is null and given_up_at is null;

-- How much was a channel told within the last minutes?
create index if not exists idx_runlog_notifications_channel
on runlog_notifications (channel, created_at);

-- The primary key is the promise that a channel is told each thing once.
create table if not exists runlog_tellings (
  incident_id uuid not null references runlog_incidents (id) on delete cascade,
  channel text not null,
  kind text not null check (kind in ('opened', 'resolved', 'reminder')),
  number integer not null default 0,
  notification_id uuid not null references runlog_notifications (id) on delete cascade,
  primary key (incident_id, channel, kind, number)
);

-- What does this notification tell?
create index if not exists idx_runlog_tellings_notification on runlog_tellings (notification_id);

create table if not exists runlog_watchers (
  name text primary key,
  every interval,
  version text,
  config_hash text,
  first_at timestamptz not null default now(),
  evaluated_at timestamptz,
  delivered_at timestamptz,
  blind_from timestamptz,
  blind_until timestamptz,
  error text
);

create table if not exists runlog_mutes (
  id uuid primary key default gen_random_uuid(),
  scripts text not null default '*',
  rule text not null default '*',
  from_at timestamptz not null default now(),
  until_at timestamptz,
  reason text,
  muted_by text,
  check (until_at > from_at)
);

-- Which kinds of errors are known? An entry may be delivered hours late, so "new" is what a
-- watcher has not noticed before, not what is young.
create table if not exists runlog_error_kinds (
  fingerprint text not null,
  script_name text not null,
  error_type text,
  message text,
  first_seen timestamptz not null,
  first_run_id uuid,
  last_seen timestamptz not null,
  noticed_at timestamptz not null default now(),
  primary key (fingerprint, script_name)
);

-- What did scripts ask to be told? Holds nothing but those entries.
create index if not exists idx_logs_alerts on logs (timestamp) where step = 'ALERT';

do $runlog$
declare
  strangers text;
  item text;
  said record;
begin
  for said in
    select * from (values
      ('runlog_scripts', null, 'What is expected of scripts, and when the next run is due; written by watchers'),
      ('runlog_scripts', 'script_name', 'runs.script_name'),
      ('runlog_scripts', 'schedule', 'Cron expressions or "every 15m", separated by "; "; null when none is known'),
      ('runlog_scripts', 'timezone', 'IANA name of the zone in which the schedule counts'),
      ('runlog_scripts', 'declared_at', 'Due times before it do not count'),
      ('runlog_scripts', 'next_due_at', 'The first due time that the newest start does not cover'),
      ('runlog_scripts', 'overdue_at', 'next_due_at and the grace: after it the run is missed'),
      ('runlog_scripts', 'paused_until', 'Nothing is expected until then; infinity until it is resumed'),
      ('runlog_scripts', 'retired_at', 'Since when nothing is expected for ever'),
      ('runlog_scripts', 'changed_by', 'Who paused, resumed or retired it'),
      ('runlog_scripts', 'updated_at', 'When this row last changed'),

      ('runlog_incidents', null, 'A rule that holds for a script, from its opening to its resolution'),
      ('runlog_incidents', 'id', 'Also the key under which incident managers know it'),
      ('runlog_incidents', 'script_name', 'runs.script_name; * for no single script'),
      ('runlog_incidents', 'rule', 'failed, missed, silence, stale, long, zero, partial, cost_run and others'),
      ('runlog_incidents', 'subject', 'What tells two incidents of a rule apart: a kind of error, a host, a month'),
      ('runlog_incidents', 'occasion', 'What began it: the id of a run, a due time, a month'),
      ('runlog_incidents', 'severity', 'error and warning are told; info is only shown'),
      ('runlog_incidents', 'began_at', 'Since when it is so'),
      ('runlog_incidents', 'opened_at', 'When a watcher saw it'),
      ('runlog_incidents', 'seen_at', 'When it last held'),
      ('runlog_incidents', 'expires_at', 'When it is over by itself'),
      ('runlog_incidents', 'resolved_at', 'When a watcher saw that it is over'),
      ('runlog_incidents', 'resolution', 'Why it is over'),
      ('runlog_incidents', 'is_flapping', 'Opened three times in 7 days: stays open until a good day'),
      ('runlog_incidents', 'acknowledged_at', 'Since when nobody is reminded'),
      ('runlog_incidents', 'acknowledged_by', 'Who said so'),
      ('runlog_incidents', 'parent_id', 'The incident that explains this one, which is told instead'),
      ('runlog_incidents', 'run_id', 'The newest run concerned; retention may have deleted it'),
      ('runlog_incidents', 'details', 'What is known of it, as JSON'),

      ('runlog_channels', null, 'Where incidents are told; never an address, which is a secret'),
      ('runlog_channels', 'name', 'As configured, or the kind of service and a digest of the address'),
      ('runlog_channels', 'first_seen_at', 'What was open before is not told as new'),
      ('runlog_channels', 'last_sent_at', 'When the receiver last took something'),
      ('runlog_channels', 'failing_since', 'Since when it takes nothing'),
      ('runlog_channels', 'last_error', 'What was said last, without secrets'),

      ('runlog_notifications', null, 'What is sent, once it is due; kept when sent'),
      ('runlog_notifications', 'id', 'The idempotency key'),
      ('runlog_notifications', 'channel', 'runlog_channels.name'),
      ('runlog_notifications', 'kind', 'opened, resolved, reminder or test'),
      ('runlog_notifications', 'created_at', 'When it was planned'),
      ('runlog_notifications', 'due_at', 'Not before'),
      ('runlog_notifications', 'claimed_by', 'Which watcher sends it'),
      ('runlog_notifications', 'claimed_until', 'When another one may'),
      ('runlog_notifications', 'attempts', 'How often it was sent or tried'),
      ('runlog_notifications', 'unknown_ends', 'After how many attempts nobody knew whether it arrived'),
      ('runlog_notifications', 'sending_at', 'Set while it is sent; left over by a watcher that died'),
      ('runlog_notifications', 'sent_at', 'When the receiver took it'),
      ('runlog_notifications', 'given_up_at', 'When it was given up'),
      ('runlog_notifications', 'last_error', 'Why it did not go'),

      ('runlog_tellings', null, 'Which incident was told to which channel; the primary key lets it happen once'),
      ('runlog_tellings', 'incident_id', 'runlog_incidents.id'),
      ('runlog_tellings', 'channel', 'runlog_channels.name'),
      ('runlog_tellings', 'kind', 'opened, resolved or reminder'),
      ('runlog_tellings', 'number', 'Which reminder'),
      ('runlog_tellings', 'notification_id', 'The message in which it is told'),

      ('runlog_watchers', null, 'Who looks, and when last: nobody watches when all are old'),
      ('runlog_watchers', 'name', 'user@host, or the workflow on GitHub'),
      ('runlog_watchers', 'every', 'How often it means to look; null when it does not say'),
      ('runlog_watchers', 'version', 'Of runlog'),
      ('runlog_watchers', 'config_hash', 'Differs when two watchers go by different files'),
      ('runlog_watchers', 'first_at', 'When it first looked'),
      ('runlog_watchers', 'evaluated_at', 'When it last looked'),
      ('runlog_watchers', 'delivered_at', 'When it last sent all there was'),
      ('runlog_watchers', 'blind_from', 'Since when it could not reach the database, the last time'),
      ('runlog_watchers', 'blind_until', 'Until when'),
      ('runlog_watchers', 'error', 'What went wrong in its last look'),

      ('runlog_mutes', null, 'Of what nobody is told meanwhile'),
      ('runlog_mutes', 'id', 'For "runlog alerts unmute"'),
      ('runlog_mutes', 'scripts', 'A script, or a pattern such as hubspot-*'),
      ('runlog_mutes', 'rule', 'A rule, or * for all'),
      ('runlog_mutes', 'from_at', 'From when'),
      ('runlog_mutes', 'until_at', 'Until when; null until it is taken back'),
      ('runlog_mutes', 'reason', 'Why'),
      ('runlog_mutes', 'muted_by', 'Who said so'),

      ('runlog_error_kinds', null, 'Kinds of errors that watchers have noticed; those that differ in numbers only are one'),
      ('runlog_error_kinds', 'fingerprint', 'As in runlog_error_groups'),
      ('runlog_error_kinds', 'script_name', 'runs.script_name'),
      ('runlog_error_kinds', 'error_type', 'The class of the exception'),
      ('runlog_error_kinds', 'message', 'The first message, its first 500 characters'),
      ('runlog_error_kinds', 'first_seen', 'When first, by the entry'),
      ('runlog_error_kinds', 'first_run_id', 'In which run'),
      ('runlog_error_kinds', 'last_seen', 'When last'),
      ('runlog_error_kinds', 'noticed_at', 'When a watcher first saw it, or again after 30 days of silence')
    ) as documented (table_name, column_name, wording)
  loop
    if said.column_name is null then
      execute format('comment on table %I is %L', said.table_name, said.wording);
    else
      execute format(
        'comment on column %I.%I is %L', said.table_name, said.column_name, said.wording
      );
    end if;
  end loop;

  -- Closed like the tables of 0001: on a Supabase row level security too.
  select string_agg(quote_ident(rolname), ', ') into strangers
  from pg_roles
  where rolname in ('anon', 'authenticated');
  foreach item in array array[
    'runlog_scripts', 'runlog_incidents', 'runlog_channels', 'runlog_notifications',
    'runlog_tellings', 'runlog_watchers', 'runlog_mutes', 'runlog_error_kinds'
  ] loop
    execute format('revoke all on table %I from %s', item, concat_ws(', ', 'public', strangers));
    if strangers is not null then
      execute format('alter table %I enable row level security', item);
    end if;
  end loop;
end
$runlog$;
