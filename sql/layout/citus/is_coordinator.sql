-- Is this the node from which tables are distributed? Only where Citus is: its catalog is asked.
select groupid = 0 from pg_dist_local_group
