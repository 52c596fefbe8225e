select part::text from {schema}.runlog_partitions() order by from_id nulls first, is_default
