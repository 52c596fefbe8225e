"""What waits on disk: append, read, acknowledge, adopt.

Appending is on the caller's thread, the rest is the shipper's. Rules: one ``os.write`` a line; no
lock; nothing is forgotten before ``acknowledge``; a folder is whose lock is held. Reads downwards:
``spool``, ``writer``, ``backlog``; the dead are in ``orphan``.
"""
