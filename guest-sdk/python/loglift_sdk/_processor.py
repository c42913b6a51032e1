"""What an author writes: a processor, and the errors that mean something."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ._batch import Batch


@dataclass(frozen=True)
class Context:
    """What the host tells a processor once."""

    machine_zone: str = "UTC"
    """The time zone of the machine: a name for `zone`."""
    discard_older_than: int | None = None
    """Events older than so many seconds when they are read may be discarded. None: the rule is off."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Further facts by name."""


@dataclass(frozen=True)
class Issue:
    """A mistake in the configuration, or a warning about it."""

    path: str
    """The parameter, such as `Keys[2]`. Empty for the configuration as a whole."""
    message: str
    """What is wrong and what would be right."""


class ConfigError(Exception):
    """The configuration is wrong. The processor's `__init__` raises it, with every mistake that it found."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("; ".join(f"{issue.path}: {issue.message}" for issue in issues))
        self.issues = list(issues)


class Refusal(Exception):
    """No event of the batch could be processed. The events go on as they were, marked with the message."""


class Processor(ABC):
    """A processor: made once from its configuration, then given one batch after the other."""

    name: ClassVar[str]
    """The type under which pipeline configs name it."""
    version: ClassVar[str]
    """Its own version."""
    summary: ClassVar[str]
    """What it does, in one line."""
    config_schema: ClassVar[Mapping[str, Any]]
    """A JSON Schema of its configuration."""

    reads: Sequence[str] | None = None
    """The fields that it looks at, which its batches then hold alone. None: all. May be set by `__init__`."""
    warnings: Sequence[Issue] = ()
    """What a person should know about the configuration though it is valid."""
    notes: Sequence[str] = ()
    """Facts that `loglift validate` shows."""

    def __init__(self, config: dict[str, Any], context: Context) -> None:
        """Takes the configuration. Raises `ConfigError` if it is wrong."""

    @abstractmethod
    def process(self, batch: Batch) -> None:
        """Looks at one batch and changes what it likes."""


class Stateful(Processor):
    """A processor that remembers."""

    @abstractmethod
    def save(self) -> bytes:
        """What is remembered, in a form of the processor's own."""

    @abstractmethod
    def restore(self, from_version: str, saved: bytes) -> None:
        """Goes on with what an instance of a version saved. Raises an exception if that is of no use."""
