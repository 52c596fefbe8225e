-- Is row level security on, does it bind this role, and does this role have a policy?
select
    relation.relname::text as table_name,
    relation.relrowsecurity as is_on,
    row_security_active(relation.oid) as binds,
    array(
        select distinct
            case policy.polcmd
                when 'r' then 'select'
                when 'a' then 'insert'
                when 'w' then 'update'
                when 'd' then 'delete'
                else 'all'
            end
        from pg_catalog.pg_policy as policy
        where
            policy.polrelid = relation.oid
            and (
                policy.polroles = '{0}'
                or exists (
                    select
                    from unnest(policy.polroles) as member
                    where pg_has_role(current_user, member, 'usage')
                )
            )
    ) as policies
from pg_catalog.pg_class as relation
where relation.oid in (
    to_regclass(format('%I.runs', {schema_literal})),
    to_regclass(format('%I.logs', {schema_literal}))
)
order by relation.relname desc
