alter table {schema}.logs add constraint {constraint} {definition}
