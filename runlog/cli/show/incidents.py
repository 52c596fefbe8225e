"""Incidents for people: the list, one with all that is known, and who watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._process.visible import visible
from runlog._readable import ago, moment
from runlog.cli.show.table import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog.alerts import Care, ChannelRow, Incident, Telling

_STYLES = {"error": "red", "warning": "yellow", "info": "dim"}
_SHORT_ID = 8


def incident_columns(*, utc: bool) -> list[Column]:
    """Return the columns of a list of incidents."""
    return [
        Column("ID", lambda row: str(row.id)[:_SHORT_ID]),
        Column("SEVERITY", lambda row: row.severity, style=lambda row: _STYLES[row.severity]),
        Column("SINCE", lambda row: moment(row.began_at, utc=utc)),
        Column("STATE", _state),
        Column("WHAT", lambda row: row.says, is_flexible=True),
        Column("TOLD TO", lambda row: ", ".join(row.told_to), is_optional=True),
    ]


def _state(incident: Incident) -> str:
    if incident.resolution is not None:
        return incident.resolution
    return "acknowledged" if incident.acknowledged_at else "open"


def incident_lines(incident: Incident, tellings: list[Telling], *, utc: bool) -> Iterator[str]:
    """Return all that is known of one incident."""
    rows = {
        "incident": incident.id,
        "what": incident.says,
        "script": incident.script_name,
        "rule": f"{incident.rule} {incident.subject}".strip(),
        "severity": incident.severity,
        "state": _state(incident) + (", flapping" if incident.is_flapping else ""),
        "began": moment(incident.began_at, utc=utc),
        "opened": moment(incident.opened_at, utc=utc),
        "resolved": moment(incident.resolved_at, utc=utc) if incident.resolved_at else None,
        "by": incident.acknowledged_by,
        "run": incident.run_id,
        **{name: value for name, value in incident.details.items() if name != "end"},
    }
    for name, value in rows.items():
        if value is not None:
            yield f"{visible(name):<16}{visible(value)}"
    for telling in tellings:
        yield f"{'told':<16}{visible(_telling(telling, utc=utc))}"


def _telling(telling: Telling, *, utc: bool) -> str:
    what = f"{telling.kind} to {telling.channel}"
    if telling.sent_at is not None:
        return f"{what}: sent {moment(telling.sent_at, utc=utc)}"
    if telling.given_up_at is not None:
        return f"{what}: given up: {telling.last_error}"
    return f"{what}: waits since {moment(telling.created_at, utc=utc)} {telling.last_error or ''}"


def standing_lines(care: Care, *, utc: bool) -> Iterator[str]:
    """Return who watches, which channels there are, and what is muted or paused."""
    from runlog.alerts import is_watched

    watchers = care.watchers()
    if not is_watched(watchers):
        yield 'nobody watches: "runlog watch --once" in a crontab does'
    for row in watchers:
        told = ago(row.evaluated_at, row.read_at)
        yield visible(
            f"watched by {row.name}, last {told}" + (f": {row.error}" if row.error else "")
        )
    digests = {row.config_hash for row in watchers if row.config_hash is not None}
    if len(digests) > 1:
        yield "watchers go by different files: rules may swing between their looks"
    for channel in care.channels():
        yield visible(f"channel {channel.name} {_taking(channel)}")
    for mute in care.mutes():
        until = moment(mute.until_at, utc=utc) if mute.until_at else "taken back"
        reason = f": {mute.reason}" if mute.reason else ""
        yield visible(f"muted until {until}: {mute.scripts} {mute.rule} by {mute.muted_by}{reason}")
    for due in care.dues():
        if due.retired_at is None and due.paused_until is not None:
            yield visible(f"paused: {due.script_name}")


def _taking(channel: ChannelRow) -> str:
    if channel.failing_since is not None:
        return f"takes nothing: {channel.last_error}"
    return "takes messages" if channel.last_sent_at else "was told nothing yet"
