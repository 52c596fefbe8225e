"""From the spool to COMMIT.

``shipper``: when, and what is said of a failure. ``delivery``: one pass, what, in which order.
``store``: how, in which lane, narrowed to the row that is refused. One thread; nothing here runs on
the caller's, except at its exit.
"""
