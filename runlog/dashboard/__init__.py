"""The dashboard: is anything wrong with my jobs, what, since when, and what did the log say?

``create_app`` gives an ASGI application for ``runlog dashboard``, or to be mounted in another one.
Everything it shows comes from ``runlog.queries``; it reads and never writes. Needs the extra
``runlog-pg[dashboard]``.

Lives here: ``_app`` (routes), ``routes`` (one file a page), ``templates``, ``static``; ``_access``
(who may look), ``_database`` (how it is asked), ``_site`` (how an answer is made), ``_tail`` (live
lines), and arithmetic without a web in it (``_attention``, ``_charts``, ``_facts``, ``_heatmap``,
``_volume``, ``_words``). Not here: questions (``queries``), the server (``cli.dashboard``).
"""

from runlog.dashboard._app import create_app

__all__ = ["create_app"]
