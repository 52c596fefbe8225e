-- Which database is this? Its id stands in a comment (migration 0007), which every role may read.
-- None where runlog has not migrated: then only the address tells.
select substring(
    obj_description(to_regclass(format('%%I.%%I', {schema_literal}::text, 'runlog_migrations')), 'pg_class')
    from '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
) as id
