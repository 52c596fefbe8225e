"""What delivers one spool, built and wired: here stands who calls whom.

Runs on the caller's thread, once for each spool; opens nothing and does not block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._delivery.complaints import Complaints
from runlog._delivery.delivery import Delivery
from runlog._delivery.ended_runs import EndedRuns
from runlog._delivery.housekeeping import Housekeeping
from runlog._delivery.identity import Identity
from runlog._delivery.orphans import Orphans
from runlog._delivery.shipper import Shipper
from runlog._delivery.store import Store
from runlog._spool.dead_letters import DeadLetters

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._database.session import Session
    from runlog._delivery.living_runs import LivingRuns
    from runlog._settings import Settings
    from runlog._spool.places import Place
    from runlog._spool.spool import Spool


_LETTER_BYTES_MIN = 2**24


def wire(
    spool: Spool,
    session: Session,
    runs: LivingRuns,
    settings: Settings,
    place: Place,
    *,
    before_idle: Callable[[], None],
) -> Shipper:
    """Return the shipper of ``spool``, and of what the dead have left in its ``place``.

    Args:
        spool: this process's.
        session: to the database.
        runs: that are open in this process.
        settings: as resolved.
        place: of all spools of this database.
        before_idle: called when all of this process is delivered; may append to the spool.
    """
    store = Store(session, settings.schema)
    identity = Identity(session, settings.schema)
    orphans = Orphans(
        database_folders=place.folders,
        own_folder=lambda: spool.folder,
        store=store,
        runs=runs,
        belongs_here=identity.is_that_of,
    )
    delivery = Delivery(
        spool=spool,
        store=store,
        runs=runs,
        dead_letters=DeadLetters(
            place.folder, max(settings.spool_max_bytes // 4, _LETTER_BYTES_MIN), identity.find_id
        ),
        orphans=orphans,
        housekeeping=Housekeeping(session, runs, settings),
        identity=identity,
        ended_runs=EndedRuns(session, settings.schema),
        heartbeat_interval=settings.heartbeat_interval,
        before_idle=before_idle,
    )
    return Shipper(
        spool=spool,
        session=session,
        delivery=delivery,
        runs=runs,
        complaints=Complaints(session, lambda: spool.folder),
        settings=settings,
    )
