"""Entry, spool and delivery wired for one database.

``recorder`` is the wiring; ``registry`` the recorders of this process; ``open_runs`` its open runs,
and which of them a call belongs to; ``run_state`` one run's columns and events.
"""
