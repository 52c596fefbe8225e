"""``python -m runlog`` is the command line."""

from runlog.cli import main

main()
