-- What was in the tables before lies in the shards now, and still here, unseen.
select truncate_local_data_after_distributing_table(format('%I.logs', {schema_literal})::regclass);

select truncate_local_data_after_distributing_table(format('%I.runs', {schema_literal})::regclass);
