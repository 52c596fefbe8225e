"""Alerts: who is told, once, and truly. Watchers look; scripts never evaluate and never send.

Here lives what ``runlog watch`` and ``runlog check`` do. The way of a look, file by file: ``_look``
(one look), ``_standing`` (how each script stands), ``_declarations`` (what is expected of it),
``_rules`` and ``_verdicts`` (bad, good or nothing), ``_incidents``, ``_plan`` (whom to tell),
``_deliver`` (at least once, under one key), ``_message`` (in which words), ``_channels`` (where).
``_check`` is the same without memory, ``_care`` what people do of it.

Stands beside the way of an entry, never on it: a script that records imports nothing of it.
"""

from runlog.alerts._care import (
    Care,
    ChannelRow,
    Incident,
    ScriptDue,
    Telling,
    care,
    explained,
    is_watched,
)
from runlog.alerts._channels import Channel, open_channels
from runlog.alerts._check import Bad, Checked, check
from runlog.alerts._config import Config, find_config
from runlog.alerts._explain import RuleState, explain
from runlog.alerts._look import Look, Watcher, WatcherRow, look
from runlog.alerts._propose import propose
from runlog.alerts._sender import End, Message, Outcome
from runlog.alerts._shifted import find_shifted
from runlog.alerts._trial import Trial, try_channels
from runlog.alerts._watch import Result, Watch

__all__ = [
    "Bad",
    "Care",
    "Channel",
    "ChannelRow",
    "Checked",
    "Config",
    "End",
    "Incident",
    "Look",
    "Message",
    "Outcome",
    "Result",
    "RuleState",
    "ScriptDue",
    "Telling",
    "Trial",
    "Watch",
    "Watcher",
    "WatcherRow",
    "care",
    "check",
    "explain",
    "explained",
    "find_config",
    "find_shifted",
    "is_watched",
    "look",
    "open_channels",
    "propose",
    "try_channels",
]
