"""Create or complete the tables: ``runlog migrate``, for programs."""

from runlog.migrate._migrate import LATEST, applied_version, as_sql, migrate, open_rights

__all__ = ["LATEST", "applied_version", "as_sql", "migrate", "open_rights"]
