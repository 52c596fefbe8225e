"""What a role can do: everything that the write path does, and everything that it must not."""

import contextlib

from kit.schema_tools import ENTRY_ID, RUN_ID, connect
from psycopg.errors import InsufficientPrivilege

from runlog.migrate import LATEST, applied_version

# Each is one thing that a stranger could try, in an order in which none hides another.
ATTEMPTS = {
    "read logs": "select * from logs",
    "read runs": "select * from runs",
    "read one column of runs": "select id from runs",
    "read what was applied": "select * from runlog_migrations",
    "insert a run": "insert into runs (script_name, status) values ('x', 'running')",
    "insert an entry": f"insert into logs (run_id, level, step, message)"
    f" values ('{RUN_ID}', 'INFO', 'LOG', 'x')",
    "update logs": "update logs set message = 'forged'",
    "update runs": "update runs set status = 'error'",
    "rename runs": "update runs set script_name = 'forged'",
    "forge the version": "update runlog_migrations set version = version + 1000",
    "take a number": "select nextval('sync_logs_id_seq')",
    "reset the numbers": "select setval('sync_logs_id_seq', 1)",
    "delete logs": "delete from logs",
    "delete runs": "delete from runs",
    "forget a version": "delete from runlog_migrations",
    "truncate logs": "truncate logs",
    "truncate runs": "truncate runs cascade",
    "truncate versions": "truncate runlog_migrations",
    "switch the policies off": "alter table logs disable row level security",
    "drop": "drop table logs",
}
READING = {"read logs", "read runs", "read one column of runs", "read what was applied"}
WRITTEN = [("sync", "success", 150, {"beat": 1}, "INFO", "done")]


def list_allowed(dsn: str, role: str, schema: str = "public") -> set[str]:
    """Which of the attempts succeed for the role; each is undone."""
    allowed = set()
    with connect(dsn, schema=schema, role=role) as connection:
        for name, attempt in ATTEMPTS.items():
            with (
                contextlib.suppress(InsufficientPrivilege),
                connection.transaction(force_rollback=True),
            ):
                connection.execute(attempt)
                allowed.add(name)
    return allowed


def write_everything(dsn: str, role: str, schema: str = "public") -> tuple:
    """All that the write path does, twice, as an interrupted script would; then what is there."""
    entries = (
        "insert into logs (id, run_id, timestamp, level, step, message, meta)"
        " select * from unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::text[], %s::text[],"
        " %s::text[], %s::jsonb[]) on conflict do nothing"
    )
    values = [[ENTRY_ID], [RUN_ID], ["2026-01-01Z"], ["INFO"], ["END"], ["done"], ["{}"]]
    with connect(dsn, schema=schema, role=role) as connection:
        for _ in range(2):
            connection.execute(
                "insert into runs (id, script_name, triggered_by, started_at, status, metadata)"
                " values (%s, 'sync', 'cron', now(), 'running', '{}') on conflict do nothing",
                [RUN_ID],
            )
            connection.execute(entries, values)
            connection.execute(
                "update runs set metadata = metadata || '{\"beat\": 1}', records_fetched = 150"
                " where id = %s and status = 'running'",
                [RUN_ID],
            )
            connection.execute(
                "update runs set status = 'success', finished_at = now(), duration_ms = 1,"
                " sync_end_date = started_at where id = %s",
                [RUN_ID],
            )
        connection.execute(
            "select sync_end_date from runs where script_name = 'sync' and status = 'success'"
            " order by finished_at desc limit 1"
        )
        assert applied_version(connection, schema) == LATEST
    with connect(dsn, schema=schema) as connection:
        return connection.execute(
            "select script_name, status, records_fetched, metadata, level, message"
            " from runs join logs on run_id = runs.id"
        ).fetchall()
