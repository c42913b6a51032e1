"""Runs a processor natively, for unit tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ._batch import Outcome, Time
from ._changes import REMOVED, Alarm, Answer
from ._processor import Context, Processor, Refusal
from ._run import Refused, configure, process

P = TypeVar("P", bound=Processor)
Fields = Mapping[str, "str | bytes"]


@dataclass(frozen=True)
class TestEvent:
    """An event with a time. Where times do not matter, a plain mapping of its fields will do."""

    __test__ = False

    fields: Fields
    time: Time = Time(0)


@dataclass
class Output:
    """What a processor made of a batch."""

    events: list[dict[str, str]]
    """The events that came out."""
    raw: list[dict[str, bytes]]
    """The same as bytes."""
    times: list[Time]
    """Their times."""
    origins: list[int]
    """The input event that each of them came from."""
    outcomes: list[Outcome]
    """One for each input event."""
    tags: dict[str, str] = field(default_factory=dict)
    """The tags of the batch."""
    counts: dict[str, int] = field(default_factory=dict)
    """Amounts for counters of the processor's own."""
    alarms: list[Alarm] = field(default_factory=list)
    """What was reported."""


class Guest(Generic[P]):
    """A configured processor that tests feed with batches."""

    def __init__(self, kind: type[P], config: Mapping[str, Any] | None = None, context: Context | None = None) -> None:
        """Raises `ConfigError` if the processor refuses its configuration."""
        self.processor: P = configure(kind, json.dumps(dict(config or {})), context or Context())

    def process(
        self,
        events: Sequence[Fields | TestEvent],
        tags: Mapping[str, str] | None = None,
        read_seconds: int = 0,
    ) -> Output:
        """Has a batch processed. Raises `Refusal` if the processor refuses it, or fails."""
        whole = [event if isinstance(event, TestEvent) else TestEvent(event) for event in events]
        lent = _columns(whole, tags or {}, read_seconds, self.processor.reads)
        try:
            answer = process(self.processor, lent)
        except Refused as refused:
            raise Refusal(str(refused)) from refused
        return _output(lent, answer)


def run(kind: type[Processor], config: Mapping[str, Any], events: Sequence[Fields | TestEvent]) -> Output:
    """Configures a processor and has it process one batch."""
    return Guest(kind, config).process(events)


@dataclass
class _Lent:
    bytes: bytes
    seconds: list[int]
    nanoseconds: list[int]
    names: list[int]
    field_counts: list[int]
    keys: list[int]
    values: list[int]
    tag_names: list[int]
    tag_values: list[int]
    read_seconds: int


def _columns(
    events: Sequence[TestEvent], tags: Mapping[str, str], read_seconds: int, reads: Sequence[str] | None
) -> _Lent:
    arena = bytearray()

    def add(value: str | bytes) -> list[int]:
        data = value.encode() if isinstance(value, str) else value
        arena.extend(data)
        return [len(arena) - len(data), len(data)]

    lent = _Lent(b"", [], [], [], [], [], [], [], [], read_seconds)
    known: dict[str, int] = {}
    for event in events:
        fields = [(name, value) for name, value in event.fields.items() if reads is None or name in reads]
        lent.seconds.append(event.time.seconds)
        lent.nanoseconds.append(event.time.nanoseconds)
        lent.field_counts.append(len(fields))
        for name, value in fields:
            if name not in known:
                known[name] = len(known)
                lent.names += add(name)
            lent.keys.append(known[name])
            lent.values += add(value)
    for name, value in tags.items():
        lent.tag_names += add(name)
        lent.tag_values += add(value)
    lent.bytes = bytes(arena)
    return lent


def _output(lent: _Lent, answer: Answer) -> Output:
    """What the host makes of an answer."""
    arena = lent.bytes + answer.appended

    def text(spans: list[int], index: int) -> bytes:
        offset, length = spans[2 * index], spans[2 * index + 1]
        if offset + length > len(arena):
            raise IndexError(f"the range {offset}, {length} is not within the arena")
        return arena[offset : offset + length]

    count = len(lent.field_counts)
    origins = list(range(count)) if answer.origins is None else answer.origins
    through = origins if answer.through is None else answer.through
    names = lent.names if answer.names is None else answer.names
    inputs: list[dict[int, list[int]]] = []
    first = 0
    for fields in lent.field_counts:
        places = range(first, first + fields)
        inputs.append({lent.keys[place]: lent.values[2 * place : 2 * place + 2] for place in places})
        first += fields
    outputs = [dict(inputs[origin]) for origin in origins]
    if answer.edits is not None:
        values = answer.edits.values
        for edit, (event, key) in enumerate(zip(answer.edits.events, answer.edits.keys)):
            value = values[2 * edit : 2 * edit + 2]
            if value[0] == REMOVED.offset:
                outputs[event].pop(key, None)
            else:
                outputs[event][key] = value
    raw = [{text(names, key).decode(): text(value, 0) for key, value in fields.items()} for fields in outputs]
    seconds = [lent.seconds[origin] for origin in origins] if answer.seconds is None else answer.seconds
    nanoseconds = [lent.nanoseconds[origin] for origin in origins] if answer.nanoseconds is None else answer.nanoseconds
    covered = {event for start, end in zip(origins, through) for event in range(start, end + 1)}
    usual = [Outcome.SUCCESSFUL if event in covered else Outcome.DISCARDED for event in range(count)]
    tag_names, tag_values = answer.tags or (lent.tag_names, lent.tag_values)
    tags = range(len(tag_names) // 2)
    return Output(
        events=[{name: value.decode("utf-8", "replace") for name, value in fields.items()} for fields in raw],
        raw=raw,
        times=[Time(*pair) for pair in zip(seconds, nanoseconds)],
        origins=list(origins),
        outcomes=usual if answer.outcomes is None else [Outcome(number) for number in answer.outcomes],
        tags={text(tag_names, tag).decode(): text(tag_values, tag).decode() for tag in tags},
        counts=dict(answer.counts),
        alarms=answer.alarms,
    )
