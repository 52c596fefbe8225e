-- Autovacuum never analyses the parent of partitions.
analyze {schema}.logs
