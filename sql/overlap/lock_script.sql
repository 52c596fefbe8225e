-- From here to the end of the transaction nobody else decides whether a run of this script may
-- start. A transaction's lock and not a session's: behind a transaction pooler a session is shared.
-- A process that is frozen while it holds the lock loses it, and its transaction, after ten seconds.
select
    set_config('idle_in_transaction_session_timeout', '10s', true),
    pg_advisory_xact_lock(hashtextextended(%(key)s::text, 0))
