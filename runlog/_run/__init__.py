"""The run around the script: ``RunContext`` and what it has.

Asks the database only in ``overlap`` and ``cursor``; these may raise, nothing else may.
"""
