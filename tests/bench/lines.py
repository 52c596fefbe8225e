"""The lines that every contender logs: the same words, the same step, the same meta."""

from __future__ import annotations

import logging
from typing import Any

NAME = "bench"


def make_logger(handler: logging.Handler) -> logging.Logger:
    """Return a logger as a script has it, whose records reach only ``handler``."""
    logger = logging.getLogger(NAME)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.handlers = [handler]
    return logger


def write_lines(logger: logging.Logger, calls: int) -> None:
    """Log ``calls`` lines with step and meta."""
    for number in range(calls):
        logger.info(
            "Fetched %d contacts from page %d",
            number,
            3,
            extra={
                "step": "FETCH",
                "meta": {"count": number, "page": 3, "email": "anna.petrova@example.com"},
            },
        )


def write_events(log: Any, calls: int) -> None:
    """Log the same through structlog."""
    for number in range(calls):
        log.info(
            "Fetched contacts", step="FETCH", count=number, page=3, email="anna.petrova@example.com"
        )
