"""What the agent offers to every processor.

Outside a component, as in unit tests, nothing is logged and no zone is known.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class Level(Enum):
    """How much a log line matters."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


_host: Any = None


def connect(host: Any) -> None:
    """Makes the imports of a component known."""
    global _host
    _host = host


def log(level: Level, message: str) -> None:
    """Writes one line to the agent's log."""
    if _host is not None:
        _host.log(getattr(_host.Level, level.name), message)


def zone(name: str) -> bytes | None:
    """The data of a time zone in TZif form; answers while the processor is made only."""
    return _host.zone(name) if _host is not None else None
