-- Which is the newest migration that has been applied?
select max(version) from {schema}.runlog_migrations;
