-- What of a trial run is found again: how many of its entries by their ids, and how it ended? Asked
-- only where nothing hides rows from this role.
select
    (
        select count(*)
        from {schema}.logs
        where id = any(%(entries)s::text[]::uuid[])
    ) as entries,
    (
        select status::text
        from {schema}.runs
        where id = %(run)s::uuid
    ) as status
where
    not row_security_active(quote_ident({schema_literal}) || '.logs')
    and not row_security_active(quote_ident({schema_literal}) || '.runs')
