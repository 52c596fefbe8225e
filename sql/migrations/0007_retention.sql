-- The procedure of 0004 again. It keeps the row on which a cursor stands, by the rule of
-- sql/cursor/find_cursor.sql; one run that must stay, for another table's or a trigger's sake, no longer stops it; and
-- a cursor that a person set or a backfill is neither the newest run of a script nor its newest
-- success.
--
-- As in 0001 no name carries a schema, except inside the procedure, which is called later and from
-- anywhere: there the schema is the one in which this file ran. Rights and comments stay.
do $runlog$
begin
  execute replace(
    $create$
      create or replace procedure {place}.runlog_prune(
        older_than interval,
        logs_older_than interval default null,
        batch integer default 5000
      )
      language plpgsql
      as $procedure$
      #variable_conflict use_variable
      declare
        -- The tables by their row types: a name in a literal would have to be quoted twice.
        runs_table constant oid := (
          select typrelid from pg_type where pg_type.oid = pg_typeof(null::{place}.runs)
        );
        logs_table constant oid := (
          select typrelid from pg_type where pg_type.oid = pg_typeof(null::{place}.logs)
        );
        runs_before constant timestamptz := now() - older_than;
        logs_before constant timestamptz := now() - least(logs_older_than, older_than);
        may_part boolean;
        page_at timestamptz := '-infinity';
        page_id uuid := '00000000-0000-0000-0000-000000000000';
        candidates uuid[];
        sizes bigint[];
        lo integer;
        hi integer;
        place integer;
        total bigint;
        gone bigint;
        is_refused boolean;
      begin
        if older_than < interval '0' or logs_older_than < interval '0' then
          raise invalid_parameter_value using message = 'runlog_prune needs intervals back from now';
        end if;

        -- Where no other table and no trigger can refuse, a part of a run may go before the rest does.
        select not (
          exists (
            select from pg_constraint
            where
              contype = 'f'
              and conparentid = 0
              and confrelid in (runs_table, logs_table)
              and conrelid <> logs_table
          )
          or exists (
            select from pg_trigger
            where
              tgrelid in (runs_table, logs_table)
              and not tgisinternal
              and tgenabled <> 'D'
              and tgtype & 8 <> 0
          )
        ) into may_part;

        loop
          -- The next runs in time, those that stay left out; the last one of the page, null when there
          -- are no more.
          with page as materialized (
            select
              id,
              started_at,
              script_name,
              status,
              sync_mode,
              coalesce(finished_at, started_at) as finished_at,
              metadata #>> '{runlog,cursor}' as cursor_name,
              sync_mode is distinct from 'cursor'
              and metadata #>> '{runlog,backfill}' is distinct from 'true' as is_ordinary
            from {place}.runs
            where
              started_at < logs_before
              and status <> 'running'
              and (started_at, id) > (page_at, page_id)
            order by started_at, id
            limit 200
          ),
          stands_on as materialized (
            select cursor.run_id
            from (select distinct script_name as name from page) as wanted
            cross join lateral (
                with ends as (
                    (
                        select id, legacy_id, batch_id, script_name, sync_end_date, finished_at, sync_mode
                        from {place}.runs
                        where
                            status = 'success'
                            and finished_at <= now() + interval '1 minute'
                            and (sync_end_date is not null or sync_mode = 'cursor')
                            and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
                            and (
                                (script_name = wanted.name and coalesce(metadata #>> '{runlog,cursor}', wanted.name) = wanted.name)
                                or (false and metadata #>> '{runlog,cursor}' = wanted.name)
                            )
                        order by finished_at desc
                        limit 20
                    )
                    union all
                    (
                        select id, legacy_id, batch_id, script_name, sync_end_date, finished_at, sync_mode
                        from {place}.runs
                        where
                            status = 'success'
                            and finished_at > now() + interval '1 minute'
                            and finished_at < 'infinity'
                            and (sync_end_date is not null or sync_mode = 'cursor')
                            and (sync_end_date is null or sync_end_date <= now())
                            and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
                            and (
                                (script_name = wanted.name and coalesce(metadata #>> '{runlog,cursor}', wanted.name) = wanted.name)
                                or (false and metadata #>> '{runlog,cursor}' = wanted.name)
                            )
                        order by finished_at desc
                        limit 20
                    )
                ),

                last_end as (
                    select
                        id,
                        legacy_id,
                        batch_id,
                        script_name,
                        sync_end_date as moment,
                        finished_at as said_at,
                        case when sync_mode = 'cursor' then 'set' else 'success' end as source
                    from ends
                    order by legacy_id desc
                    limit 1
                ),

                last_checkpoint as (
                    select
                        id,
                        legacy_id,
                        batch_id,
                        script_name,
                        (metadata #>> '{runlog,checkpoint}')::timestamptz as moment,
                        (metadata #>> '{runlog,checkpoint_at}')::timestamptz as said_at,
                        'checkpoint' as source
                    from {place}.runs
                    where
                        status <> 'success'
                        and legacy_id > coalesce((select legacy_id from last_end), 0)
                        and metadata #>> '{runlog,checkpoint}' ~ '^[0-9]{4}-'
                        and metadata #>> '{runlog,checkpoint_at}' ~ '^[0-9]{4}-'
                        and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
                        and (
                            (script_name = wanted.name and coalesce(metadata #>> '{runlog,cursor}', wanted.name) = wanted.name)
                            or (false and metadata #>> '{runlog,cursor}' = wanted.name)
                        )
                    order by legacy_id desc
                    limit 1
                )

                select
                    id as run_id,
                    moment,
                    said_at,
                    source,
                    batch_id,
                    script_name
                from (
                    select * from last_end
                    union all
                    select * from last_checkpoint
                ) as said
                order by legacy_id desc
                limit 1
            ) as cursor
            union all
            select cursor.run_id
            from (select distinct cursor_name as name from page where cursor_name is not null) as wanted
            cross join lateral (
                with ends as (
                    (
                        select id, legacy_id, batch_id, script_name, sync_end_date, finished_at, sync_mode
                        from {place}.runs
                        where
                            status = 'success'
                            and finished_at <= now() + interval '1 minute'
                            and (sync_end_date is not null or sync_mode = 'cursor')
                            and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
                            and (
                                (script_name = wanted.name and coalesce(metadata #>> '{runlog,cursor}', wanted.name) = wanted.name)
                                or (true and metadata #>> '{runlog,cursor}' = wanted.name)
                            )
                        order by finished_at desc
                        limit 20
                    )
                    union all
                    (
                        select id, legacy_id, batch_id, script_name, sync_end_date, finished_at, sync_mode
                        from {place}.runs
                        where
                            status = 'success'
                            and finished_at > now() + interval '1 minute'
                            and finished_at < 'infinity'
                            and (sync_end_date is not null or sync_mode = 'cursor')
                            and (sync_end_date is null or sync_end_date <= now())
                            and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
                            and (
                                (script_name = wanted.name and coalesce(metadata #>> '{runlog,cursor}', wanted.name) = wanted.name)
                                or (true and metadata #>> '{runlog,cursor}' = wanted.name)
                            )
                        order by finished_at desc
                        limit 20
                    )
                ),

                last_end as (
                    select
                        id,
                        legacy_id,
                        batch_id,
                        script_name,
                        sync_end_date as moment,
                        finished_at as said_at,
                        case when sync_mode = 'cursor' then 'set' else 'success' end as source
                    from ends
                    order by legacy_id desc
                    limit 1
                ),

                last_checkpoint as (
                    select
                        id,
                        legacy_id,
                        batch_id,
                        script_name,
                        (metadata #>> '{runlog,checkpoint}')::timestamptz as moment,
                        (metadata #>> '{runlog,checkpoint_at}')::timestamptz as said_at,
                        'checkpoint' as source
                    from {place}.runs
                    where
                        status <> 'success'
                        and legacy_id > coalesce((select legacy_id from last_end), 0)
                        and metadata #>> '{runlog,checkpoint}' ~ '^[0-9]{4}-'
                        and metadata #>> '{runlog,checkpoint_at}' ~ '^[0-9]{4}-'
                        and coalesce(metadata #>> '{runlog,backfill}', 'false') <> 'true'
                        and (
                            (script_name = wanted.name and coalesce(metadata #>> '{runlog,cursor}', wanted.name) = wanted.name)
                            or (true and metadata #>> '{runlog,cursor}' = wanted.name)
                        )
                    order by legacy_id desc
                    limit 1
                )

                select
                    id as run_id,
                    moment,
                    said_at,
                    source,
                    batch_id,
                    script_name
                from (
                    select * from last_end
                    union all
                    select * from last_checkpoint
                ) as said
                order by legacy_id desc
                limit 1
            ) as cursor
          ),
          going as (
            select
              page.id,
              page.started_at,
              (select count(*) from {place}.logs as entry where entry.run_id = page.id) as entries
            from page
            where
              page.id not in (select run_id from stands_on)
              and (
                not page.is_ordinary
                or exists (
                  select from {place}.runs as newer
                  where
                    newer.script_name = page.script_name
                    and newer.sync_mode is distinct from 'cursor'
                    and newer.metadata #>> '{runlog,backfill}' is distinct from 'true'
                    and (newer.started_at, newer.id) > (page.started_at, page.id)
                )
                and (
                  page.status <> 'success'
                  or exists (
                    select from {place}.runs as newer
                    where
                      newer.script_name = page.script_name
                      and newer.status = 'success'
                      and newer.sync_mode is not distinct from page.sync_mode
                      and newer.metadata #>> '{runlog,backfill}' is distinct from 'true'
                      and (coalesce(newer.finished_at, newer.started_at), newer.id)
                      > (page.finished_at, page.id)
                  )
                )
              )
          )
          select
            (select array_agg(id order by started_at, id) from going),
            (select array_agg(entries order by started_at, id) from going),
            (select max(started_at) from page),
            (select id from page order by started_at desc, id desc limit 1)
          into candidates, sizes, page_at, page_id;
          exit when page_id is null;

          lo := 1;
          while lo <= coalesce(array_length(candidates, 1), 0) loop
            -- Neighbours that have together no more entries than a batch; a bigger run goes alone.
            hi := lo;
            total := sizes[lo];
            while hi < array_length(candidates, 1) and total + sizes[hi + 1] <= batch loop
              hi := hi + 1;
              total := total + sizes[hi];
            end loop;

            while may_part and total > batch loop
              delete from {place}.logs
              where id in (
                select id from {place}.logs where run_id = candidates[lo] limit batch
              );
              get diagnostics gone = row_count;
              commit;
              total := total - batch;
              exit when gone < batch;
            end loop;

            is_refused := false;
            begin
              delete from {place}.logs where run_id = any (candidates[lo:hi]);
              delete from {place}.runs
              where id = any (candidates[lo:hi]) and started_at < runs_before and status <> 'running';
            exception
              when data_exception or integrity_constraint_violation
                or with_check_option_violation or program_limit_exceeded or plpgsql_error
              then
                is_refused := true;
            end;
            commit;

            if is_refused then
              for place in lo .. hi loop
                begin
                  delete from {place}.logs where run_id = candidates[place];
                  delete from {place}.runs
                  where id = candidates[place] and started_at < runs_before and status <> 'running';
                exception
                  when data_exception or integrity_constraint_violation
                    or with_check_option_violation or program_limit_exceeded or plpgsql_error
                  then
                    raise warning 'run % stays: %', candidates[place], sqlerrm;
                end;
                commit;
              end loop;
            end if;
            lo := hi + 1;
          end loop;
        end loop;
      end
      $procedure$
    $create$,
    '{place}',
    quote_ident(current_schema())
  );
end
$runlog$;
