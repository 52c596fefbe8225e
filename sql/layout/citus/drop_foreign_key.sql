alter table {schema}.logs drop constraint {constraint}
