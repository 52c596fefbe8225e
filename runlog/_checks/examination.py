"""The whole examination in its order: what would fail for an earlier reason is not asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._checks.machine import (
    examine_address,
    examine_embedded,
    examine_spools,
    examine_variables,
)
from runlog._settings import resolve, variable

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from runlog._checks.finding import Finding

_UNUSABLE = frozenset({"address", "embedded server", "connection", "schema"})


def examine(environ: MutableMapping[str, str]) -> list[Finding]:
    """Return every finding of the installation that ``environ`` describes.

    Waits for the database; raises nothing that a finding can tell.

    Args:
        environ: ``os.environ``, or a copy. A variable with a problem is taken out, so that the
            checks behind go on with its default, as recording does.
    """
    findings = list(examine_variables(environ))
    for finding in findings:
        if finding.state == "problem":
            environ.pop(variable(finding.check), None)
    chosen = resolve(environ=environ)
    findings += [examine_address(chosen, environ), *examine_embedded(chosen)]
    if can_record(findings):
        from runlog._checks.database import examine_database

        findings += examine_database(chosen)
    findings += examine_spools(chosen, environ)
    return findings


def can_record(findings: Iterable[Finding]) -> bool:
    """Tell whether no finding says that nothing can be recorded now."""
    return not any(it.state == "problem" and it.check in _UNUSABLE for it in findings)
