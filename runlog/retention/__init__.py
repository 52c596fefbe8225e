"""Deleting what is old, by the same rules whatever the layout of the tables."""

from runlog.retention._prune import ENDED, Pruned, prune

__all__ = ["ENDED", "Pruned", "prune"]
