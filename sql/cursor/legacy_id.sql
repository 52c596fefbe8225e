-- Which number did the database give this run?
select legacy_id from {schema}.runs where id = %(id)s::uuid
