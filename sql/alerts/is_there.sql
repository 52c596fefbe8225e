-- Are the alert tables here, and may this role read them?
select coalesce(
    has_table_privilege(to_regclass(quote_ident({schema_literal}) || '.runlog_watchers'), 'select'),
    false
)
