"""The questions behind pages: numbered lines, volume, what is usual, neighbours, trends, kinds."""

from datetime import timedelta
from uuid import uuid4

from kit.rows import add_all_states, add_entry, add_run, ago, now

from runlog import queries
from runlog.queries._parameters import Exactly


def names(rows):
    return [row.script_name for row in rows]


def test_lines_keep_their_number_under_a_filter(connection):
    """A line's number is its place in the run, whatever is left out or where the page begins."""
    run_id = add_run(connection)
    begin = now()
    for number in range(1, 11):
        level = "ERROR" if number % 5 == 0 else "INFO"
        moment = begin + timedelta(seconds=number)
        add_entry(connection, run_id, f"line {number}", level=level, timestamp=moment)

    def numbers(**filters):
        return [line.number for line in queries.lines_of_run(connection, run_id=run_id, **filters)]

    assert numbers() == list(range(1, 11))
    assert numbers(level="ERROR") == [5, 10]
    assert numbers(text="LINE 7") == [7]
    assert numbers(step="F*", limit=3) == [8, 9, 10]
    assert numbers(before_number=8, limit=3) == [5, 6, 7]
    assert numbers(from_number=8, limit=2) == [8, 9]


def test_levels_that_others_write_are_found(empty_database):
    """Where another program writes levels in its own letters, a filter by level finds them."""
    import psycopg
    from kit.schema_tools import EARLIER, run

    run(empty_database, EARLIER)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        run_id = add_run(connection)
        for level in ("Error", "warning", "info"):
            add_entry(connection, run_id, level, level=level)
        found = queries.lines_of_run(connection, run_id=run_id, level="WARNING")
        assert [line.message for line in found] == ["Error", "warning"]


def test_volume_counts_each_level_over_time(connection):
    """The time from the first to the last entry is cut into equal parts; each level is counted."""
    run_id = add_run(connection)
    begin = ago(minutes=10)
    for second, level in ((0, "INFO"), (1, "INFO"), (5, "ERROR"), (10, "DEBUG")):
        moment = begin + timedelta(seconds=second)
        add_entry(connection, run_id, level=level, timestamp=moment)
    found = queries.volume_of_run(connection, run_id=run_id, parts=2)
    assert [(row.part, row.level, row.entries) for row in found] == [
        (0, "INFO", 2),
        (1, "DEBUG", 1),
        (1, "ERROR", 1),
    ]
    assert queries.volume_of_run(connection, run_id=uuid4()) == []


def test_volume_of_one_moment(connection):
    """Entries of one moment are one part, not a division by nothing."""
    run_id = add_run(connection)
    moment = now()
    for _ in range(3):
        add_entry(connection, run_id, timestamp=moment)
    (row,) = queries.volume_of_run(connection, run_id=run_id)
    assert row.entries == 3


def test_usual_is_the_median_of_successes_before(connection):
    """What is usual comes from the successes before that moment, the newest of them."""
    for age, fetched in ((9, 1000), (3, 10), (2, 20), (1, 60)):
        add_run(connection, "sync", started_at=ago(hours=age), records_fetched=fetched)
    add_run(connection, "sync", status="error", records_fetched=0, started_at=ago(minutes=90))
    usual = queries.usual_run(connection, script="sync", sample=3)
    assert (usual.runs, usual.records_fetched, usual.duration_ms) == (3, 20, 10_000)
    earlier = queries.usual_run(connection, script="sync", until=ago(hours=2, minutes=30))
    assert (earlier.runs, earlier.records_fetched) == (2, 505)
    nothing = queries.usual_run(connection, script="nope")
    assert (nothing.runs, nothing.duration_ms) == (0, None)


def test_the_run_after(connection):
    """The next run is the one of the same script that began after it."""
    ids = [add_run(connection, "sync", started_at=ago(minutes=n)) for n in (30, 20, 10)]
    add_run(connection, "other", started_at=ago(minutes=25))
    first = queries.find_run(connection, run_id=ids[0])
    second = queries.run_after(connection, run=first)
    assert second.id == ids[1]
    assert queries.run_after(connection, run=queries.run_after(connection, run=second)) is None


def test_recent_runs_of_each_script(connection):
    """Each script gives so many of its newest runs; a name with a star is a name if it is said so."""
    for script in ("a", "b*"):
        for age in range(5):
            add_run(connection, script, started_at=ago(hours=age))
    found = queries.recent_runs(connection, each=2)
    assert names(found) == ["a", "a", "b*", "b*"]
    assert found[0].started_at > found[1].started_at
    add_run(connection, "bee")
    assert names(queries.recent_runs(connection, each=1, script="b*")) == ["b*", "bee"]
    assert names(queries.recent_runs(connection, each=1, script=Exactly("b*"))) == ["b*"]


def test_states_are_the_same_in_every_question(connection):
    """A run's word is the same in the list, among the recent ones and in the counts."""
    add_all_states(connection)
    listed = {run.script_name: run.state for run in queries.last_runs(connection)}
    recent = {run.script_name: run.state for run in queries.recent_runs(connection)}
    assert listed == recent
    counted = {row.state: row.runs for row in queries.count_runs(connection)}
    assert counted == dict.fromkeys(listed.values(), 1)


def test_totals_of_spans(connection):
    """Sums are of spans back from now; empty spans are left out."""
    for hours, fetched in ((1, 5), (2, 7), (30, 11), (80, 13)):
        add_run(connection, "sync", started_at=ago(hours=hours), records_fetched=fetched)
    add_run(connection, "sync", status="error", started_at=ago(hours=3))
    found = queries.totals(connection, spans=3)
    assert [(t.span, t.runs, t.successful, t.failed, t.records_fetched) for t in found] == [
        (0, 3, 2, 1, 12),
        (1, 1, 1, 0, 11),
    ]


def test_hours_of_the_week_are_the_zones(connection):
    """Hours and days are those of the time zone; Monday is 1."""
    monday = now().replace(hour=23, minute=30) - timedelta(days=7)
    monday -= timedelta(days=monday.weekday())
    add_run(connection, started_at=monday)
    for zone, place in (("UTC", (1, 23)), ("Asia/Tokyo", (2, 8))):
        (found,) = queries.hours_of_week(connection, timezone=zone)
        assert (found.day, found.hour, found.runs, found.failed) == (*place, 1, 0)


def test_what_gets_slower_comes_first(connection):
    """The median of the newer half of the period against the older half."""
    for script, earlier, lately in (("slow", 1000, 3000), ("same", 1000, 1000)):
        for days, took in ((25, earlier), (20, earlier), (5, lately), (1, lately)):
            add_run(connection, script, started_at=ago(days=days), duration_ms=took)
    add_run(connection, "new", started_at=ago(days=1))
    found = queries.slowing_scripts(connection)
    assert [(s.script_name, s.growth) for s in found] == [("slow", 3.0), ("same", 1.0)]


def test_a_kind_of_errors(connection):
    """A kind has days, places and, of a run, a name; numbers in messages make no difference."""
    for number in range(3):
        run_id = add_run(connection, "sync", status="error", started_at=ago(hours=number + 1))
        add_entry(
            connection,
            run_id,
            f"item {number} refused",
            level="ERROR",
            timestamp=ago(hours=number),
            meta={"item_id": number},
        )
    add_run(connection, "sync", status="error", error_message="quota")
    refused, quota = sorted(queries.error_groups(connection), key=lambda g: -g.errors)
    assert (refused.errors, quota.errors) == (3, 1)
    places = queries.errors_of_kind(connection, fingerprint=refused.fingerprint)
    assert [place.meta["item_id"] for place in places] == [0, 1, 2]
    (only,) = queries.errors_of_kind(connection, fingerprint=quota.fingerprint)
    assert (only.id, only.message, only.meta) == (None, "quota", None)
    days = [d for d in queries.error_days(connection) if d.fingerprint == refused.fingerprint]
    assert sum(day.errors for day in days) == 3
    run = queries.find_run(connection, run_id=places[0].run_id)
    found = queries.error_kind_of_run(connection, run=run)
    assert (found.fingerprint, found.runs) == (refused.fingerprint, 3)
    chosen = queries.error_groups(connection, fingerprint=quota.fingerprint)
    assert [group.message for group in chosen] == ["quota"]


def test_numbers_of_runs(connection):
    """A number names its run, or tells that two have it."""
    first, second = add_run(connection), add_run(connection, legacy_id=900)
    assert queries.runs_with_number(connection, number=900) == [second]
    connection.execute("update runs set legacy_id = 900")
    assert set(queries.runs_with_number(connection, number=900)) == {first, second}
    assert queries.runs_with_number(connection, number=1) == []
