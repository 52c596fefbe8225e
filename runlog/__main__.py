"""``python -m runlog`` is the command line."""

from .cli import main

main()
