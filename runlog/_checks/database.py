"""What can be examined in the database: the way to it, its schema, rights and clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runlog import migrate, queries
from runlog._checks.alerts import examine_alerts
from runlog._checks.asking import rows
from runlog._checks.clocks import examine_clocks
from runlog._checks.engines import examine_engine
from runlog._checks.finding import Finding
from runlog._checks.months import examine_months
from runlog._database import dsn, reading
from runlog._database.trial import try_writing
from runlog._process.distribution import pip_line
from runlog._readable import ago, plural, size
from runlog.errors import DatabaseUnavailableError, RunlogError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._database.driver import Connection
    from runlog._settings import Settings

_CLOCK_TOLERANCE = timedelta(seconds=2)
_OLDEST_SERVER = 140000
_WRITING_VERBS = {"logs": {"insert"}, "runs": {"insert", "select", "update"}}


def examine_database(chosen: Settings) -> Iterator[Finding]:
    """Return what there is to know of the database of the settings ``chosen``."""
    began = time.perf_counter()
    try:
        connection = reading.connect(chosen.dsn)
    except RunlogError as error:
        yield Finding(
            check="connection",
            state="problem",
            found=str(error),
            remedy="mend the address, the network or the server; entries wait meanwhile",
        )
        return
    took = 1000 * (time.perf_counter() - began)
    with connection, reading.translated(chosen.dsn, chosen.schema):
        yield from _examine_session(connection, chosen.schema, took)


def _examine_session(connection: Connection[Any], schema: str, took: float) -> Iterator[Finding]:
    # Before what not every engine may understand.
    engine = list(examine_engine(connection, schema))
    began = datetime.now(UTC)
    version, at, pid, role, has_tables = rows(connection, "session", schema)[0]
    ended = datetime.now(UTC)
    found = f"PostgreSQL {version} as role {role!r}, connected in {took:.0f} ms"
    is_old = connection.info.server_version < _OLDEST_SERVER
    yield Finding(
        check="connection",
        state="warning" if is_old else "ok",
        found=found,
        remedy="runlog is tested with PostgreSQL 14 and newer" if is_old else "",
    )
    yield from engine
    yield encryption_finding(connection)
    if pid != connection.info.backend_pid:
        yield Finding(
            check="pooler", state="note", found="there is one in between; runlog is right behind it"
        )
    yield clock_finding(at, began, ended)
    yield from _examine_schema(connection, schema, has_tables=has_tables)


def encryption_finding(connection: Connection[Any], host: str | None = None) -> Finding:
    """Return whether what is sent can be read on the way to ``host`` (that of the connection)."""
    if connection.pgconn.ssl_in_use:
        return Finding(check="encryption", state="ok", found="the connection is encrypted")
    if dsn.is_local(host or connection.info.host):
        return Finding(
            check="encryption", state="ok", found="not encrypted, and it stays on this machine"
        )
    return Finding(
        check="encryption",
        state="warning",
        found="everything, the password too, can be read on the way",
        remedy="add sslmode=require to the address; better sslmode=verify-full",
    )


def clock_finding(at: datetime, began: datetime, ended: datetime) -> Finding:
    """Return how far the database's clock ``at`` is from this machine's, asked in between."""
    # The database looked at its clock somewhere in between.
    difference = at - (began + (ended - began) / 2)
    seconds = difference.total_seconds()
    found = f"this machine's differs by {abs(seconds):.2f} s from the database's"
    if abs(difference) <= _CLOCK_TOLERANCE + (ended - began):
        return Finding(check="clock", state="ok", found=found)
    remedy = "switch on time synchronisation: entries of several machines stand in a wrong order"
    return Finding(check="clock", state="warning", found=found, remedy=remedy)


def _examine_schema(
    connection: Connection[Any], schema: str, *, has_tables: bool
) -> Iterator[Finding]:
    if not has_tables:
        found = f"the tables runs and logs are not in schema {schema!r}"
        remedy = 'run "runlog migrate", or name another schema in RUNLOG_SCHEMA'
        yield Finding(check="schema", state="problem", found=found, remedy=remedy)
        return
    yield _version(connection, schema)
    rights = list(_rights(connection, schema))
    yield from rights
    if not any(finding.state == "problem" for finding in rights):
        yield _trial(connection, schema)
    yield from _security(connection, schema)
    for said in migrate.open_rights(connection, schema):
        yield Finding(
            check="open to others",
            state="warning",
            found=said,
            remedy='"runlog migrate --secure" closes it',
        )
    yield from _contents(connection, schema)
    yield from examine_alerts(connection, schema)


def _version(connection: Connection[Any], schema: str) -> Finding:
    try:
        version = migrate.applied_version(connection, schema)
    except Exception as error:
        # A role without the right to look can still record.
        return Finding(check="schema", state="note", found=f"its version cannot be read: {error}")
    if version == migrate.LATEST:
        return Finding(check="schema", state="ok", found=f"{schema!r} is at version {version}")
    if version is None:
        found = "the documented tables, never migrated by runlog; recording works"
        remedy = '"runlog migrate" adds indexes and views, and changes nothing that is there'
        return Finding(check="schema", state="warning", found=found, remedy=remedy)
    found = f"{schema!r} is at version {version}, this runlog knows {migrate.LATEST}"
    remedy = pip_line(upgrade=True) if version > migrate.LATEST else 'run "runlog migrate"'
    return Finding(check="schema", state="warning", found=found, remedy=remedy)


def _rights(connection: Connection[Any], schema: str) -> Iterator[Finding]:
    missing: dict[str, list[str]] = {"record": [], "read": [], "delete": []}
    for purpose, verb, table, is_held in rows(connection, "rights", schema):
        if not is_held:
            missing[purpose].append(f"{verb} on {table}")
    remedies = {
        "record": ("problem", '"runlog migrate --writer-role NAME", as the owner of the tables'),
        "read": ("note", '"runlog migrate --reader-role NAME" lets it, as the owner of the tables'),
        "delete": ("note", 'only "runlog prune" needs it; call that as the owner of the tables'),
    }
    for purpose, lacks in missing.items():
        state, remedy = remedies[purpose]
        if lacks:
            found = f"this role may not {purpose}: it lacks {', '.join(lacks)}"
            yield Finding(check="rights", state=state, found=found, remedy=remedy)  # type: ignore[arg-type]
        else:
            yield Finding(check="rights", state="ok", found=f"this role may {purpose}")


def _trial(connection: Connection[Any], schema: str) -> Finding:
    refusal = try_writing(connection, schema)
    if refusal is None:
        found = "a run with entries of every level was written, and taken back"
        return Finding(check="writing", state="ok", found=found)
    return Finding(check="writing", state="problem", found=refusal.said, remedy=refusal.remedy)


def _security(connection: Connection[Any], schema: str) -> Iterator[Finding]:
    for table, is_on, binds, policies in rows(connection, "security", schema):
        if not is_on:
            yield Finding(check="row security", state="ok", found=f"off for {table}")
        elif not binds:
            yield Finding(
                check="row security", state="ok", found=f"on for {table}; does not bind this role"
            )
        elif "all" in policies or _WRITING_VERBS[table] <= set(policies):
            yield Finding(
                check="row security", state="ok", found=f"on for {table}; a policy lets this role"
            )
        else:
            lacks = ", ".join(sorted(_WRITING_VERBS[table] - set(policies)))
            yield Finding(
                check="row security",
                state="warning",
                found=f"on for {table}, and no policy lets this role {lacks}",
                remedy='"runlog migrate --writer-role NAME" or "--reader-role NAME", as the owner',
            )


def _contents(connection: Connection[Any], schema: str) -> Iterator[Finding]:
    try:
        tables = queries.table_sizes(connection, schema=schema)
        running = queries.running_now(connection, schema=schema)
    except DatabaseUnavailableError:
        raise
    except RunlogError:
        # A writer may not read; told above.
        return
    told = ", ".join(f"{table.table_name} {size(table.total_bytes)}" for table in tables)
    yield Finding(check="size", state="ok", found=told)
    lost = [run for run in running if run.state == "lost?"]
    if lost:
        runs = plural(len(lost), "run is running, but has", "runs are running, but have")
        found = f"{runs} missed three heartbeats"
        yield Finding(check="lost runs", state="warning", found=found, remedy='run "runlog reap"')
    strangers = [run for run in running if run.heartbeat_at is None]
    if strangers:
        since = ago(strangers[0].started_at, strangers[0].read_at) or "at no known time"
        runs = plural(len(strangers), "running run writes", "running runs write")
        found = (
            f"{runs} no heartbeat, so nobody can say whether they live; the oldest began {since};"
            ' "runlog close RUN" closes one'
        )
        yield Finding(check="running runs", state="note", found=found)
    yield from examine_months(connection, schema)
    yield from examine_clocks(connection, schema)
    if odd := _odd_levels(connection, schema):
        found = f"entries have other levels than the documented four: {odd}"
        told = f'{found}; "--level" and "runlog errors" do not find these'
        yield Finding(check="levels", state="note", found=told)


def _odd_levels(connection: Connection[Any], schema: str) -> str:
    """Return the first few, where the table has no check on its levels."""
    return ", ".join(repr(level) for (level,) in rows(connection, "odd_levels", schema))
