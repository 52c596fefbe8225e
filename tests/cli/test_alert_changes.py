"""What people do of alerts, and looks: told in words and to programs."""

import json

import pytest
from kit.rows import add_run

FAILED = {"status": "error", "error_message": "ValueError: no contact"}


@pytest.mark.parametrize("way", [[], ["--json"]])
def test_what_people_do_is_told_to_them_and_to_programs(runlog, connection, told, way):
    """Each change says what it did and how to take it back; as JSON it is a row."""
    add_run(connection, **FAILED)
    runlog("watch", "--once")
    ((incident,),) = connection.execute("select id::text from runlog_incidents").fetchall()
    for did, said, *command in (
        ("acknowledged", "acknowledged: sync failed", "ack", incident),
        ("closed", "closed: sync failed", "close", incident),
        ("muted", 'muted: sync; "runlog alerts unmute sync" takes it back', "mute", "sync"),
        ("unmuted", "told of again: sync", "unmute", "sync"),
        ("paused", 'paused: sync; "runlog alerts resume sync" takes it back', "pause", "sync"),
        ("resumed", "expected again: sync", "resume", "sync"),
        ("retired", 'retired: sync; "runlog alerts resume sync" takes it back', "retire", "sync"),
    ):
        out = runlog("alerts", *way, *command).out
        if way:
            [row] = json.loads(out)
            assert list(row) == ["did", "scripts", "rule", "by"]
            assert row["did"] == did
        else:
            assert out.splitlines() == [said]


def test_a_look_and_its_answers_as_json(runlog, connection, told, http_sink):
    """What ``watch --once`` opened, what a channel answered, and one incident with its tellings."""
    add_run(connection, **FAILED)
    seen = json.loads(runlog("watch", "--once", "--json").out)
    assert seen == [{"did": "opened", "script_name": "sync", "rule": "failed", "subject": ""}]
    [row] = json.loads(runlog("alerts", "--json").out)
    shown = json.loads(runlog("alerts", "show", row["id"], "--json").out)
    assert shown["incident"] == {**row, "told_to": ["ops"]}
    assert [(it["kind"], it["channel"]) for it in shown["tellings"]] == [("opened", "ops")]
    http_sink.answers = [403]
    [answer] = json.loads(runlog("alerts", "test", "--json").out)
    assert (answer["channel"], answer["said"]) == ("ops", "HTTP 403")
    assert runlog("watch", "--json").code == 2
