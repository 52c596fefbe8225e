-- What stays goes to the default partition: no other takes its ids any more.
insert into {schema}.logs ({columns})
overriding system value
select {columns}
from {part}
where not exists (
    select
    from unnest(%(going)s::uuid[]) as going (id)
    where going.id = run_id
)
