"""Eight watchers that die at random places: every incident is told, once, under one key."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from kit.rows import add_run

PLACES = ("evaluated", "planned", "claimed", "before send", "after send", "marked")
# Forked, not started: a storm of Python's imports would be another test.
DRIVER = """
import os, random, signal, sys, time, traceback
from datetime import timedelta
import psycopg
from runlog.alerts import Watcher, look
from runlog.alerts._channels import Channel
from runlog.alerts._webhook import Webhook

dsn, url, share, seed = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])

def deaths(chance):
    def checkpoint(place):
        # Looks are many more than messages.
        rarity = 8 if place in ("evaluated", "planned") else 1
        if chance.random() < share / rarity:
            os.write(1, (place + chr(10)).encode())
            os.kill(os.getpid(), signal.SIGKILL)
    return checkpoint

def watch(number):
    channel = Channel("pager", "default", Webhook(url, None), is_manager=True)
    watcher = Watcher(f"watcher-{number}", channels=(channel,),
                      lease=timedelta(seconds=3), checkpoint=deaths(random.Random(seed + number)))
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        while True:
            look(connection, "public", watcher)
            time.sleep(0.05)

def start(number):
    pid = os.fork()
    if pid == 0:
        try:
            watch(number)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return pid

alive = {start(number): number for number in range(8)}
started = len(alive)
until = time.monotonic() + 100
with psycopg.connect(dsn, autocommit=True) as connection:
    while time.monotonic() < until:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        while pid:
            del alive[pid]
            alive[start(started)] = started
            started += 1
            pid, _ = os.waitpid(-1, os.WNOHANG)
        untold = connection.execute(
            "select count(*) from runs where not exists (select from runlog_incidents i"
            " join runlog_tellings t on t.incident_id = i.id"
            " join runlog_notifications n on n.id = t.notification_id"
            " where i.script_name = runs.script_name and coalesce(n.sent_at, n.given_up_at) is not null)").fetchone()[0]
        if not untold:
            break
        time.sleep(0.02)
for pid in alive:
    os.kill(pid, signal.SIGKILL)
for pid in alive:
    os.waitpid(pid, 0)
"""


@pytest.mark.guarantee("told-once")
@pytest.mark.storm(short=12, long=50)
@pytest.mark.timeout(180)
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_watchers_die_at_random_places(
    connection, database, http_sink, run_script, rounds, evidence, share
):
    """All incidents are told, none twice but by a death after the send, none under two keys."""
    # Somebody has looked before: nothing is grouped as a first look.
    connection.execute(
        "insert into runlog_watchers (name, evaluated_at) values ('before', now() - interval '1 h')"
    )
    for number in range(rounds):
        add_run(connection, f"job-{number:03}", status="error", error_message="no")
    done = run_script(
        DRIVER,
        database,
        f"{http_sink.url}/hook",
        share,
        rounds,
        env={"RUNLOG_DSN": database},
        timeout=120,
    )
    assert done.exit_code == 0, done.stderr

    deaths = Counter(done.stdout.splitlines())
    assert set(deaths) <= set(PLACES)
    keys: dict[str, set[str]] = {}
    posts = 0
    for _, headers, body in http_sink.requests:
        [incident] = json.loads(body)["incidents"]
        if incident["rule"] != "failed":
            continue
        posts += 1
        keys.setdefault(incident["id"], set()).add(headers["Idempotency-Key"])
    told = len(keys)
    opened, scripts = connection.execute(
        "select count(*), count(distinct script_name) from runlog_incidents where rule = 'failed'"
    ).fetchone()
    # Also what was given up, after three deaths while it was sent, had arrived.
    assert (told, opened, scripts) == (rounds, rounds, rounds)
    assert all(len(each) == 1 for each in keys.values())
    # A death in the middle of the answer counts as one after the send.
    assert posts - told <= deaths["after send"]
    if share == 0:
        assert posts == rounds
    evidence(incidents=rounds, told=told, deaths=deaths.total(), repeats=posts - told)
