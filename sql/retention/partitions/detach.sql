alter table {schema}.logs detach partition {part}
