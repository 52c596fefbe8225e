"""What may be expected of a script: each mistake names value, place and remedy."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given
from hypothesis import strategies as st

from runlog._expectations import KEYS, checked, host_timezone, seconds_of
from runlog.alerts._config import find_config
from runlog.errors import SettingError


@pytest.mark.parametrize(
    ("expects", "said"),
    [
        ({"schedul": 1}, "expects: unknown key 'schedul'; did you mean 'schedule'?"),
        (
            {"schedule": "*/15 * * *"},
            ("expects: schedule='*/15 * * *' has 4 fields; use 5: minute hour day month weekday, "
            "such as '*/15 * * * *', or 'every 15m'"),
        ),
        ({"schedule": "61 * * * *"}, "expects: schedule='61 * * * *': bad minute; use 0 to 59"),
        (
            {"schedule": "@reboot"},
            "expects: schedule='@reboot' says no time; leave it out, or use fresh='26h'",
        ),
        ({"grace": "10"}, "expects: grace='10' has no unit; use 10s, 10m, 2h or 1d"),
        ({"failed": {"after": 0}}, "expects: failed={'after': 0}: after=0 is no number of runs; use 1 to 1000"),
        ({"fresh": "0s"}, "expects: fresh='0s' is no time at all; use more"),
        ({"severity": "bad"}, "expects: severity='bad' is unknown; use one of info, warning, error"),
        ({"budget_day": float("nan")}, "expects: budget_day=nan is no amount; use 0 or more"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(expects, said):
    """One sentence, with what would do."""
    with pytest.raises(SettingError) as raised:
        checked(expects)
    assert str(raised.value) == said


def test_an_unknown_zone_is_told():
    """With a name that would do, and the remedy for systems without zones."""
    with pytest.raises(SettingError, match="timezone='Berlin' is unknown; use a name such as"):
        checked({"timezone": "Berlin"})


_TERM = st.from_regex(r"\A(\*|\d{1,2}(-\d{1,2})?|[A-Z]{3})(/\d{1,2})?\Z")
_FIELD = st.lists(
    _TERM | st.sampled_from(["L", "LW", "5L", "MON#2", "*/0"]), min_size=1, max_size=2
)


@given(st.lists(_FIELD.map(",".join), min_size=5, max_size=5).map(" ".join))
def test_what_is_accepted_is_what_cron_takes(text):
    """The check at the script, which imports no cron, agrees with the cron of the watchers."""
    import datetime as dt

    try:
        CronSim(text, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        is_cron = True
    except CronSimError:
        is_cron = False
    try:
        checked({"schedule": text, "timezone": "UTC"})
        is_taken = True
    except SettingError:
        is_taken = False
    assert is_taken <= is_cron


def test_spans():
    """Two units may stand together."""
    assert [seconds_of(text) for text in ("90s", "1.5h", "1d 12h")] == [90, 5400, 129600]


def test_the_hosts_zone():
    """TZ tells; on GitHub it is UTC whatever the runner says."""
    assert host_timezone({"TZ": ":Europe/Berlin"}) == "Europe/Berlin"
    assert host_timezone({"TZ": "Europe/Berlin", "GITHUB_ACTIONS": "true"}) == "UTC"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[scripts."hubspot-*"]\nschedule = "@daily"\n', 'runlog.toml:2: [scripts."hubspot-*"]: a schedule is one script\'s, not a pattern\'s; name the script'),
        ('[alerts.channels]\nops = "slack://a/b"\n', 'runlog.toml:2: [alerts.channels] holds a URL; a URL is a secret: put it into a variable and write "env:OPS_URL"'),
        ('[[alerts.routes]]\nto = ["pager"]\n', "runlog.toml:2: [alerts.routes]: route to 'pager': no such channel; known are default"),
        ("[alerts]\nremnd = 1\n", "runlog.toml:2: [alerts]: unknown key 'remnd'; known are timezone, dashboard_url, remind, self_healed, channels, routes, mutes"),
        ('[scripts.sync]\ngrace = "10"\n', "runlog.toml:2: [scripts.\"sync\"]: grace='10' has no unit; use 10s, 10m, 2h or 1d"),
        ('[[alerts.mutes]]\nscripts = "*"\n', 'runlog.toml:1: [alerts.mutes]: a mute that comes again needs schedule and duration; for once there is "runlog alerts mute"'),
        ('[[alerts.mutes]]\nschedule = "@daily"\nduration = "1h"\n[[alerts.mutes]]\nschedule = "@daily"\nduration = "1x"\n', "runlog.toml:6: [alerts.mutes]: duration='1x' is no span; use 10s, 10m, 2h or 1d"),
        ('[[alerts.routes]]\nto = "default"\n[[alerts.routes]]\nscripts = "*"\nto = ["x"]\n', "runlog.toml:5: [alerts.routes]: route to 'x': no such channel; known are default"),
        ('[alerts]\n\nchannels = {ops = "slack://a/b"}\n', 'runlog.toml:3: [alerts.channels] holds a URL; a URL is a secret: put it into a variable and write "env:OPS_URL"'),
        ('[alerts]\nroutes = "ops"\n', "runlog.toml:2: [alerts]: routes is no list; write [[alerts.routes]]"),
        ('[alerts]\nroutes = ["ops"]\n', "runlog.toml:2: [alerts.routes]: 'ops' is no table"),
        ('[alerts]\n[[alerts.route]]\nto = "x"\n', "runlog.toml:2: [alerts]: unknown key 'route'; known are timezone, dashboard_url, remind, self_healed, channels, routes, mutes"),
        ('\n[script."sync"]\nfresh = "1h"\n', "runlog.toml:2: unknown key 'script'; known are alerts, scripts"),
        ("scripts = 3\n", "runlog.toml:1: [scripts]: 3 is no table"),
        ("[alerts]\ndashboard_url = 3\n", "runlog.toml:2: [alerts]: dashboard_url=3 is no text"),
        ("[[alerts.routes]]\nto = 3\n", "runlog.toml:2: [alerts.routes]: route to 3: no such channel; known are default"),
        ('[scripts.sync]\nschedule = "0 0 30 2 *"\n', "runlog.toml:2: [scripts.\"sync\"]: schedule='0 0 30 2 *' never comes: no month of 2 has a day 30; 'L' is its last day"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_names_its_line(tmp_path, text, said):
    """Place, value and remedy; nothing is half taken."""
    path = tmp_path / "runlog.toml"
    path.write_text(text)
    with pytest.raises(SettingError) as raised:
        find_config(str(path), {})
    assert str(raised.value) == said


@pytest.mark.parametrize(
    "value", ["3", '"x"', "true", "[]", "[3]", '["x"]', "{}", "{x = 1}", "1979-05-27"]
)
@pytest.mark.parametrize(
    "place",
    [
        "", "alerts", "scripts", "scripts.sync",
        *(f"alerts.{key}" for key in ("timezone", "dashboard_url", "remind", "channels", "routes", "mutes")),
        "alerts.channels.ops", "alerts.channels.ops.url", "alerts.channels.ops.delivery",
        *(f"scripts.sync.{key}" for key in KEYS),
    ],
)  # fmt: skip
def test_no_odd_value_in_the_file_is_more_than_a_mistake(tmp_path, place, value):
    """Whatever stands anywhere is taken or refused with a sentence; nothing else is raised."""
    path = tmp_path / "runlog.toml"
    path.write_text(f"{place or 'x'} = {value}\n")
    with suppress(SettingError):
        find_config(str(path), {})


def test_a_file_that_cannot_be_read_is_told_once(tmp_path):
    """Where, what, and what to do; no number of the system."""
    with pytest.raises(SettingError) as raised:
        find_config(str(tmp_path / "nope.toml"), {})
    assert str(raised.value) == (
        f"{tmp_path}/nope.toml: No such file or directory; mend the file, or name another"
    )


def test_the_file_is_read_whole(tmp_path):
    """Scripts, channels, routes and mutes of one file; its digest tells it from another."""
    path = tmp_path / "runlog.toml"
    path.write_text(
        '[alerts]\nremind = "2d"\ntimezone = "Europe/Berlin"\n'
        '[alerts.channels]\nops = {url = "env:OPS_URL", delivery = "at-most-once"}\n'
        '[[alerts.routes]]\nscripts = "a-*"\nseverity = "error"\nto = "ops"\n'
        '[[alerts.mutes]]\nschedule = "0 2 * * SUN"\nduration = "3h"\n'
        '[scripts."*"]\npartial = {threshold = 0.05}\n[scripts.nightly]\nschedule = "30 2 * * *"\n'
    )
    config = find_config(str(path), {"RUNLOG_BASE_URL": "https://runs.example.org/"})
    assert config.remind.days == 2
    assert [(it.name, it.variable, it.at_most_once) for it in config.channels] == [
        ("ops", "OPS_URL", True)
    ]
    assert [(it.scripts, it.severity, it.to) for it in config.routes] == [
        ("a-*", "error", ("ops",))
    ]
    assert config.scripts == {
        "*": {"partial": {"threshold": 0.05}},
        "nightly": {"schedule": "30 2 * * *"},
    }
    assert len(config.mutes) == 1
    assert len(config.digest) == 12
