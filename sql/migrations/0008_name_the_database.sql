-- Gives this database an id of its own. An address can lead to another database tomorrow, or on
-- another machine: a spool that waits notes the id, and is delivered to no other database.
--
-- In a comment: every role may read it, it needs no right and no policy, and a dump keeps it.
-- Printed as a script this may run twice; the id stays what it is.
do $runlog$
begin
  if coalesce(obj_description('runlog_migrations'::regclass, 'pg_class'), '') !~ '-[0-9a-f]{12}' then
    execute format(
      'comment on table runlog_migrations is %L',
      'Which migrations of runlog were applied. This database is ' || gen_random_uuid()
    );
  end if;
end
$runlog$;
