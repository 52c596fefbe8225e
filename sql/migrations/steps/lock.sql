-- What comes first in each transaction of "runlog migrate", and once in "runlog migrate --sql".
-- Everything is set for this transaction only, so it passes a transaction-mode pooler.
set local client_min_messages to warning;

-- The names of types are compared below, and this would put them in quotes.
set local quote_all_identifiers to off;

-- An index on a table of millions of rows takes longer than a hosted database's default allows.
set local statement_timeout to 0;

-- The same of PostgreSQL 17 and newer; the others do not know its name.
do $runlog$
begin
  perform set_config(name, '0', true) from pg_settings where name = 'transaction_timeout';
end
$runlog$;

-- Tables that Citus distributes: its nodes are changed one after the other, as one transaction with
-- procedures and indexes needs it. Any other PostgreSQL takes it for a name of ours.
set local citus.multi_shard_modify_mode to 'sequential';

-- The blocks below cannot hold a quoted name themselves; they look it up here.
set local runlog.schema to {schema_literal};

-- One migration at a time for a schema: whoever comes second waits, then finds the work done.
do $runlog$
begin
  perform pg_advisory_xact_lock(
    hashtextextended('runlog.migrate ' || current_setting('runlog.schema'), 0)
  );
end
$runlog$;

-- Behind a transaction that stays open for long, a change of a table would wait, and every writer
-- behind the change. Better to give up and be run again.
set local lock_timeout to '30s';
