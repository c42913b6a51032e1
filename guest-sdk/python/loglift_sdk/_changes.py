"""The columns of a batch, read in place, and what a processor says of them, gathered into an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Union


class Span(NamedTuple):
    """A range of the arena, as a value."""

    offset: int
    length: int


REMOVED: Final = Span(0xFFFF_FFFF, 0)
"""The value of a field that goes."""

Value = Union[bytes, Span]


class Columns:
    """A batch as the contract lends it."""

    __slots__ = ("arena", "count", "field_counts", "keys", "lent", "names", "values")

    def __init__(self, lent: Any) -> None:
        self.lent = lent
        self.arena: bytes = lent.bytes
        self.values: list[int] = lent.values
        self.field_counts: list[int] = lent.field_counts
        self.count = len(lent.field_counts)
        self.names = [self.bytes_at(lent.names, key).decode("utf-8", "replace") for key in range(len(lent.names) // 2)]
        self.keys: dict[str, int] = {}
        """The key of each name: an index into the dictionary."""
        for key, name in enumerate(self.names):
            self.keys.setdefault(name, key)

    def key_for(self, name: str) -> int:
        """The key of a name, which joins the dictionary if it is new."""
        key = self.keys.get(name)
        if key is None:
            key = self.keys[name] = len(self.names)
            self.names.append(name)
        return key

    def place(self, first: int, end: int, key: int) -> int:
        """The place of a field among the fields of all events, or -1."""
        keys = self.lent.keys
        for place in range(first, end):
            if keys[place] == key:
                return place
        return -1

    def bytes_at(self, spans: list[int], index: int) -> bytes:
        """The bytes of a range by its index."""
        offset = spans[2 * index]
        return self.arena[offset : offset + spans[2 * index + 1]]


@dataclass
class Alarm:
    """As in the contract."""

    event: int | None
    kind: str
    message: str
    occurrences: int = 1


@dataclass
class Edits:
    """As in the contract."""

    events: list[int]
    keys: list[int]
    values: list[int]


@dataclass
class Answer:
    """As in the contract, but for `fields`, which has no variant of its own: edits, or None."""

    appended: bytes
    names: list[int] | None
    origins: list[int] | None
    through: list[int] | None
    seconds: list[int] | None
    nanoseconds: list[int] | None
    edits: Edits | None
    tags: tuple[list[int], list[int]] | None
    outcomes: bytes | None
    counts: list[tuple[str, int]]
    alarms: list[Alarm]


class Changes:
    """Until something changes, there is nothing here: most events of most batches stay as they are."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.edits: dict[int, dict[int, Value]] = {}
        """By event: the new values, by key."""
        self.fates: dict[int, list[dict[int, Value]] | None] = {}
        """By event: the edits of each event that it becomes, or None for one that is merged into the one before."""
        self.tags: dict[str, str] | None = None
        """All tags, once they change."""
        self._times: tuple[list[int], list[int]] | None = None
        self._outcomes: bytearray | None = None
        self._counts: dict[str, int] = {}
        self._alarms: list[Alarm] = []

    def edit(self, event: int, key: int, value: Value) -> None:
        edits = self.edits.get(event)
        if edits is None:
            self.edits[event] = {key: value}
        else:
            edits[key] = value

    def forget(self, event: int, key: int) -> None:
        self.edits.get(event, {}).pop(key, None)

    def keys_after(self, event: int, keys: Sequence[int]) -> list[int]:
        """The keys of an event that has these, after its edits."""
        edits = self.edits.get(event, {})
        kept = [key for key in keys if edits.get(key) is not REMOVED]
        return kept + [key for key, value in edits.items() if value is not REMOVED and key not in keys]

    def time(self, event: int) -> tuple[int, int]:
        lent = self._columns.lent
        seconds, nanoseconds = self._times or (lent.seconds, lent.nanoseconds)
        return seconds[event], nanoseconds[event]

    def set_time(self, event: int, seconds: int, nanoseconds: int = 0) -> None:
        if self._times is None:
            self._times = (list(self._columns.lent.seconds), list(self._columns.lent.nanoseconds))
        self._times[0][event] = seconds
        self._times[1][event] = nanoseconds

    def set_outcome(self, event: int, outcome: int) -> None:
        if self._outcomes is None:
            self._outcomes = bytearray(self._columns.count)
        self._outcomes[event] = outcome

    def count(self, counter: str, amount: int) -> None:
        self._counts[counter] = self._counts.get(counter, 0) + amount

    def alarm(self, event: int | None, kind: str, message: str) -> None:
        same = [alarm for alarm in self._alarms if alarm.kind == kind]
        if len(same) == ALARMS_OF_A_KIND:
            same[-1].occurrences += 1
        else:
            self._alarms.append(Alarm(event, kind, message))

    def answer(self) -> Answer:
        """What has changed, in the terms of the contract."""
        columns = self._columns
        lent = columns.lent
        writer = _Writer(len(columns.arena))
        outputs = self._outputs() if self.fates else None
        if outputs is None:
            edits = self._edits(self.edits.items(), writer)
        else:
            edits = self._edits(((place, output.edits) for place, output in enumerate(outputs)), writer)
        tags = None
        if self.tags is not None:
            names = [number for name in self.tags for number in writer.add(name.encode("utf-8", "replace"))]
            values = [number for value in self.tags.values() for number in writer.add(value.encode("utf-8", "replace"))]
            tags = (names, values)
        known = len(lent.names) // 2
        added = [number for name in columns.names[known:] for number in writer.add(name.encode("utf-8", "replace"))]
        times = self._times
        if times is not None and outputs is not None:
            times = ([times[0][output.origin] for output in outputs], [times[1][output.origin] for output in outputs])
        is_merged = outputs is not None and any(output.origin != output.through for output in outputs)
        return Answer(
            appended=b"".join(writer.parts),
            names=list(lent.names) + added if added else None,
            origins=None if outputs is None else [output.origin for output in outputs],
            through=[output.through for output in outputs] if outputs is not None and is_merged else None,
            seconds=times and times[0],
            nanoseconds=times and times[1],
            edits=edits,
            tags=tags,
            outcomes=None if self._outcomes is None else bytes(self._outcomes),
            counts=list(self._counts.items()),
            alarms=self._alarms,
        )

    def _outputs(self) -> list[_Output]:
        outputs: list[_Output] = []
        for event in range(self._columns.count):
            own = self.edits.get(event, {})
            if event not in self.fates:
                outputs.append(_Output(event, event, own))
                continue
            fate = self.fates[event]
            if fate is not None:
                outputs.extend(_Output(event, event, {**own, **part}) for part in fate)
            elif outputs:
                outputs[-1].through = event
            else:
                raise ValueError("the first event cannot be merged into one before it")
        return outputs

    def _edits(self, edited: Any, writer: _Writer) -> Edits | None:
        edits = Edits([], [], [])
        events, keys, values = edits.events, edits.keys, edits.values
        # Events are mostly changed in their order, and then this costs next to nothing.
        for event, own in sorted(edited, key=_first_of):
            for key, value in own.items():
                events.append(event)
                keys.append(key)
                values.extend(value if isinstance(value, Span) else writer.add(value))
        return edits if events else None


@dataclass
class _Output:
    """An event that goes out: where it comes from, the last that was merged into it, and its edits."""

    origin: int
    through: int
    edits: dict[int, Value]


class _Writer:
    """Appends values to the arena, and says where they are. A value that was there before is not written again."""

    def __init__(self, start: int) -> None:
        self._end = start
        self._known: dict[bytes, Span] = {}
        self.parts: list[bytes] = []

    def add(self, value: bytes) -> Span:
        span = self._known.get(value)
        if span is None:
            span = self._known[value] = Span(self._end, len(value))
            self.parts.append(value)
            self._end += len(value)
        return span


def _first_of(pair: tuple[int, object]) -> int:
    return pair[0]


ALARMS_OF_A_KIND: Final = 4
"""Further ones are only counted."""
