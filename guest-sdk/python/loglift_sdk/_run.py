"""Calls a processor in the terms of the contract, in a component and in unit tests alike."""

from __future__ import annotations

import json
import traceback
from typing import Any, TypeVar

from ._batch import Batch
from ._changes import Answer
from ._host import Level, log
from ._processor import ConfigError, Context, Issue, Processor, Refusal


P = TypeVar("P", bound=Processor)


class Refused(Exception):
    """There is no answer, for the reason that is the message."""


def configure(kind: type[P], config: str, context: Context) -> P:
    """Makes a processor. Raises `ConfigError` whatever goes wrong."""
    try:
        return kind(json.loads(config), context)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError([Issue("", message_of(error))]) from error


def process(processor: Processor, lent: Any) -> Answer:
    """Has a batch processed. Raises `Refused` whatever goes wrong."""
    batch = Batch(lent)
    try:
        processor.process(batch)
        return batch._changes.answer()
    except Exception as error:
        if not isinstance(error, Refusal):
            # The agent looks for the event at fault, which takes more calls: at a higher level this would be noise.
            log(Level.DEBUG, " | ".join(line.strip() for line in traceback.format_exc().splitlines()))
        raise Refused(message_of(error)) from error


def message_of(error: Exception) -> str:
    """What an exception says, in one line, with where it came from if it is a mistake of the processor."""
    if isinstance(error, Refusal):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rpartition('/')[2]}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
