"""Other programs and scripts as runs: ``runlog exec`` and ``runlog run``."""
