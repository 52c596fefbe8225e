"""The figures of the pages are what a person takes them for: counts beside links, means, shares."""

from __future__ import annotations

import re

from kit.rows import add_entry, add_run, ago


def figures(client):
    """Label → value and note of the numbers on the first page."""
    told = client.get("/overview.json").json()["figures"]
    return {each["label"].partition(",")[0]: (each["value"], each["note"]) for each in told}


def test_a_count_beside_a_state_is_what_its_link_finds(client, connection):
    """``error`` finds crashed runs too, and counts them; ``all`` counts each once."""
    add_run(connection, status="error", runlog={"outcome": "died"})
    add_run(connection, status="error")
    add_run(connection, records_failed=3)
    text = client.get("/runs").text
    counts = dict(re.findall(r">(\w+) <b>(\d+)</b>", text.replace("</svg>", ">")))
    assert counts == {
        "all": "3", "running": "0", "success": "1", "error": "2", "crashed": "1", "partial": "1"
    }  # fmt: skip
    for state in ("success", "error", "crashed", "partial"):
        found = client.get(f"/runs.json?state={state}").json()["runs"]
        assert len(found) == int(counts[state])


def test_the_mean_is_of_the_days_that_there_are(client, connection):
    """On its second day a script that does the same as on its first is no 600 % up."""
    add_run(connection, started_at=ago(hours=2), records_fetched=100)
    add_run(connection, started_at=ago(hours=26), records_fetched=100)
    assert figures(client)["Records fetched"] == ("100", "±0 % on the 1-day mean")


def test_what_failed_is_a_share_of_all_that_was_handled(client, connection):
    """A script that counts what it writes, and not what it fetches, did not fail at everything."""
    add_run(connection, records_inserted=90, records_updated=5, records_failed=5)
    assert figures(client)["Records failed"] == ("5", "5.0 % of 100")


def test_what_is_silent_does_not_run_now(client, connection):
    """A run that was killed weeks ago is neither running nor the longest."""
    beat = {"heartbeat_at": ago(days=20).isoformat(), "heartbeat_interval": 30}
    add_run(connection, status="running", started_at=ago(days=21), runlog=beat)
    assert figures(client)["Running now"] == ("0", "nothing runs; 1 silent")


def test_a_hundred_of_more_kinds_of_errors_are_not_all(client, connection):
    """The heading says so, and the file holds them all."""
    run = add_run(connection)
    names = [first + second for first in "abcdefghijk" for second in "abcdefghij"]
    for name in names[:100]:
        add_entry(connection, run, name, level="ERROR")
    assert "<small>100 kinds in" in client.get("/errors").text
    add_entry(connection, run, names[100], level="ERROR")
    assert "<small>the last 100 kinds in" in client.get("/errors").text
    assert len(client.get("/errors.csv").text.splitlines()) == 102


def test_a_cost_that_is_no_number_breaks_no_page(client, connection):
    """One row of another program costs neither the page of its script nor that of all."""
    run = add_run(connection, "odd", api_cost="NaN", records_fetched=1)
    add_run(connection, "good", api_cost="1.5")
    for path in (
        "/",
        "/runs",
        "/analytics",
        f"/runs/{run}",
        f"/runs/{run}/compare",
        "/scripts/odd",
    ):
        assert client.get(path).status_code == 200, path


def test_what_got_faster_is_not_getting_slower(client, connection):
    """Nor is what ran twice; the command that the page names exists."""
    for days in (25, 24, 23, 3, 2, 1):
        for script, slow in (("slower", days < 10), ("faster", days > 10)):
            add_run(
                connection,
                script,
                started_at=ago(days=days),
                duration_ms=90_000 if slow else 10_000,
            )
    for days, took in ((20, 1_000), (2, 90_000)):
        add_run(connection, "twice", started_at=ago(days=days), duration_ms=took)
    text = client.get("/analytics").text
    panel = text[text.index("Getting slower") : text.index("Where the time goes")]
    assert [name for name in ("slower", "faster", "twice") if f">{name}<" in panel] == ["slower"]
    assert "runlog prune --older-than 90d" in text


def test_a_run_that_was_lost_took_no_weeks(client, connection):
    """Its duration ends where it was last heard of."""
    beat = {"heartbeat_at": ago(days=20).isoformat(), "heartbeat_interval": 30}
    add_run(connection, status="running", started_at=ago(days=20, hours=1), runlog=beat)
    [run] = client.get("/runs.json?period=all").json()["runs"]
    assert (run["state"], run["elapsed_ms"] // 60_000) in {("lost?", 60), ("lost?", 59)}


def test_a_page_that_cannot_be_shown_is_no_other(client, connection):
    """Neither all runs for those of a state that there is not, nor the first page after one that is gone."""
    add_run(connection)
    assert client.get("/runs?state=failed").status_code == 400
    gone = client.get("/runs.json?before=00000000-0000-4000-8000-000000000000")
    assert gone.status_code == 404
