call {schema}.runlog_make_partitions()
