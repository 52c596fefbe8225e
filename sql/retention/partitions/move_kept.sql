-- What stays goes to the default partition: no other takes its ids any more.
insert into {schema}.logs
select *
from {part}
where not exists (
    select
    from unnest(%(going)s::uuid[]) as going (id)
    where going.id = run_id
)
