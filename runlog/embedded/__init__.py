"""A PostgreSQL of this user's own, from a wheel: start, find, stop."""

from runlog.embedded._lifecycle import (
    Status,
    default_data_dir,
    ensure_running,
    is_installed,
    status,
    stop,
)

__all__ = ["Status", "default_data_dir", "ensure_running", "is_installed", "status", "stop"]
