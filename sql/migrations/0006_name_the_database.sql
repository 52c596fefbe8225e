-- Gives this database an id of its own. An address can lead to another database tomorrow, or on
-- another machine: a spool that waits notes the id, and is delivered to no other database.
--
-- In a comment: every role may read it, it needs no right and no policy, and a dump keeps it.
do $runlog$
begin
  execute format(
    'comment on table runlog_migrations is %L',
    'Which migrations of runlog were applied. This database is ' || gen_random_uuid()
  );
end
$runlog$;
