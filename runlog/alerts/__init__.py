"""Alerts: who is told, once, and truly. Watchers look; scripts never evaluate and never send.

Here lives what ``runlog watch`` and ``runlog check`` do: rules over the two tables (``_rules``),
incidents, tellings and their delivery. Stands beside the way of an entry, never on it: a script
that records imports nothing of it.
"""
