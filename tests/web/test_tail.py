"""The live tail: what arrives is seen once, late or not, by everybody, with one stream of questions."""

import asyncio
import json
from datetime import timedelta

import httpx
import psycopg
import pytest
from kit.browser import serving
from kit.rows import add_entry, add_run, ago, now
from kit.waiting import eventually

from runlog.dashboard import _tail
from runlog.dashboard._database import Database
from runlog.dashboard._tail import Hub


@pytest.fixture
def running(connection):
    """A run that goes on, with an entry."""
    run_id = add_run(connection, "sync", status="running", started_at=ago(minutes=5))
    add_entry(connection, run_id, "first", timestamp=ago(seconds=30))
    return run_id


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Looks follow each other at once."""
    monkeypatch.setattr(_tail, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(_tail, "_RETRY_SECONDS", 0.05)


def watch(dsn, scenario):
    """Run a scenario, given a hub over the database."""

    async def play():
        database = Database(dsn)
        hub = Hub(database)
        try:
            async with asyncio.timeout(30):
                await scenario(hub)
        finally:
            await hub.close()
            database.close()

    asyncio.run(play())


async def messages(viewing, count):
    """Return the messages of the next so many entries, and no more."""
    found = []
    async for news in viewing.news():
        found += [entry.message for entry in news.entries]
        if len(found) >= count:
            return found
    return found


def test_ten_viewers_cost_one_stream(database, connection, running):
    """Ten tails of a run are one stream of questions, and each sees every line."""

    async def scenario(hub):
        async def look():
            async with hub.watch(running) as viewing:
                ready.release()
                return await messages(viewing, 3)

        ready = asyncio.Semaphore(0)
        looking = [asyncio.create_task(look()) for _ in range(10)]
        for _ in looking:
            await ready.acquire()
        (stream,) = hub.streams
        assert len(stream.viewers) == 10
        for text in ("a", "b", "c"):
            add_entry(connection, running, text)
        assert await asyncio.gather(*looking) == [["a", "b", "c"]] * 10
        # Nobody watches any more: the questions end.
        await asyncio.gather(*hub._tasks)
        assert hub.streams == []

    watch(database, scenario)


def test_late_entries_are_seen_once(database, connection, running):
    """An entry that commits after later ones is told, and nothing is told twice."""

    async def scenario(hub):
        async with hub.watch(running) as viewing:
            moment = now()
            add_entry(connection, running, "later", timestamp=moment)
            assert await messages(viewing, 1) == ["later"]
            add_entry(connection, running, "late", timestamp=moment - timedelta(seconds=2))
            add_entry(connection, running, "next", timestamp=moment + timedelta(seconds=1))
            assert sorted(await messages(viewing, 2)) == ["late", "next"]

    watch(database, scenario)


def test_more_lines_than_a_look_reads(database, connection, running, monkeypatch):
    """A flood is told whole, though a look reads a part of it; what is remembered is bounded."""
    monkeypatch.setattr(_tail, "_LOOK", 40)
    monkeypatch.setattr(_tail, "_REMEMBERED", 20)

    async def scenario(hub):
        async with hub.watch(running) as viewing:
            connection.execute(
                "insert into logs (run_id, timestamp, level, step, message)"
                " select %s, now() + interval '1 ms' * n, 'INFO', 'FETCH', n::text"
                " from generate_series(1, 500) as n",
                [running],
            )
            found = await messages(viewing, 500)
            assert sorted(map(int, found)) == list(range(1, 501))
            (stream,) = hub.streams
            assert len(stream._seen) <= 20

    watch(database, scenario)


def test_the_end_is_told_and_ends_the_stream(database, connection, running):
    """After a run's end and a quiet moment its viewers are let go, with how it ended."""

    async def scenario(hub):
        async with hub.watch(running) as viewing:
            connection.execute("update runs set status = 'error', finished_at = now()")
            told = [(news.kind, news.run.state) async for news in viewing.news()]
            assert told[-1] == ("end", "error")
        await asyncio.gather(*hub._tasks)
        assert hub.streams == []

    watch(database, scenario)


def test_an_outage_is_told_and_survived(database, connection, running, proxy):
    """While the database is away the viewers hear of it once; afterwards nothing is missing."""

    async def scenario(hub):
        async with hub.watch(running) as viewing:
            proxy.refuse()
            proxy.reset()
            proxy.refuse()
            add_entry(connection, running, "meanwhile")
            kinds = []
            async for news in viewing.news():
                kinds.append(news.kind)
                if news.kind == "trouble":
                    proxy.forward()
                if news.kind == "lines":
                    assert [entry.message for entry in news.entries] == ["meanwhile"]
                    break
            assert [kind for kind in kinds if kind != "state"] == ["trouble", "fine", "lines"]

    watch(proxy.dsn(database), scenario)


def test_who_is_too_slow_is_let_go(database, connection, running, monkeypatch):
    """A viewer that takes nothing does not fill the memory; it ends, and may come back."""
    monkeypatch.setattr(_tail, "_WAITING_EVENTS", 2)

    async def scenario(hub):
        async with hub.watch(running) as slow, hub.watch(running) as quick:
            for number in range(6):
                add_entry(connection, running, str(number))
                assert await messages(quick, 1) == [str(number)]
            assert len([news async for news in slow.news()]) <= 2

    watch(database, scenario)


def lines_of(url, path, count, **options):
    """Read a tail over HTTP until it has sent so many lines; return them and the last event's id."""
    found, last = [], ""
    with httpx.stream("GET", f"{url}{path}", timeout=30, **options) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        kind = ""
        for text in answer.iter_lines():
            name, _, value = text.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                last = value
            elif name == "data" and kind == "lines":
                found += json.loads(value)
                if len(found) >= count:
                    return found, last
    return found, last


@pytest.fixture
def url(database, tmp_path):
    """The address of a dashboard in a process of its own."""
    with serving(database, tmp_path) as served:
        yield served.url


def test_a_tail_sends_what_was_missed(url, connection, running):
    """Who comes back with the last event's id gets what came in between, with the filter."""
    for number in range(4):
        add_entry(connection, running, f"line {number}", timestamp=ago(seconds=20 - number))
    path = f"/runs/{running}/tail"
    after = ago(seconds=25).isoformat()
    found, last = lines_of(url, path, 4, params={"after": after})
    assert [line["message"] for line in found] == [f"line {number}" for number in range(4)]
    add_entry(connection, running, "<b>bold</b>\x1b[31m", level="ERROR", meta={"id": 7})
    again, _ = lines_of(
        url, path, 1, params={"level": "ERROR", "q": "BOLD"}, headers={"last-event-id": last}
    )
    assert [(line["message"], line["look"]) for line in again] == [("<b>bold</b>␛[31m", "e")]


def test_all_scripts_are_followed(url, connection, running):
    """The tail of all scripts selects by script, step, level and text as the page does."""
    other = add_run(connection, "other", status="running")
    after = ago(seconds=5).isoformat()
    add_entry(connection, other, "not this", step="FETCH")
    add_entry(connection, running, "nor this", step="LOAD")
    add_entry(connection, running, "this", step="FETCH", level="WARNING")
    query = {"after": after, "script": "sy*", "step": "F?TCH", "level": "warning"}
    found, _ = lines_of(url, "/logs/tail", 1, params=query)
    assert [(line["message"], line["script"]) for line in found] == [("this", "sync")]


def test_ctrl_c_ends_it_with_tails_open(database, connection, running, tmp_path):
    """Ten open tails do not hold the server up when it is to end; nothing is said of it."""
    with serving(database, tmp_path) as served:
        clients = [httpx.Client(timeout=30) for _ in range(10)]
        streams = [
            client.send(
                client.build_request("GET", f"{served.url}/runs/{running}/tail"), stream=True
            )
            for client in clients
        ]
        assert {stream.status_code for stream in streams} == {200}
        served.interrupt()
        eventually(lambda: ended(served), within=5)
        assert served.process.returncode == 0
        assert served.process.stderr.read() == ""
        for client in clients:
            client.close()
    with psycopg.connect(database) as looking:
        query = "select count(*) from pg_stat_activity where application_name = 'runlog'"
        eventually(lambda: none(looking.execute(query).fetchone()))


def ended(served):
    assert served.process.poll() is not None


def none(row):
    assert row == (0,)
