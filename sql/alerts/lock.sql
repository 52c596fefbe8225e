-- One look at a time: who comes second leaves it to the first. A transaction's lock, which poolers
-- keep. For economy only; that nothing is told twice rests on the unique indexes.
select pg_try_advisory_xact_lock(hashtextextended('runlog watch ' || {schema_literal}, 0))
