"""Views of a batch: they read what is asked for, and note what changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, overload

from ._changes import REMOVED, Changes, Columns, Span, Value
from ._text import decode, encode


class Time(NamedTuple):
    """A moment."""

    seconds: int
    """Whole seconds since 1970-01-01T00:00:00Z."""
    nanoseconds: int = 0
    """The rest, 0 to 999999999."""


class Outcome(IntEnum):
    """What became of an event, as the host counts it."""

    SUCCESSFUL = 0
    FAILED = 1
    KEY_NOT_FOUND = 2
    DISCARDED = 3


class Batch:
    """Events of one source in read order; one or more."""

    def __init__(self, lent: Any) -> None:
        self._columns = Columns(lent)
        self._changes = Changes(self._columns)
        self._tags: dict[str, str] | None = None

    def __len__(self) -> int:
        return self._columns.count

    def __iter__(self) -> Iterator[Event]:
        columns, changes = self._columns, self._changes
        first = 0
        for index, count in enumerate(columns.field_counts):
            yield Event(columns, changes, index, first, first + count)
            first += count

    @property
    def read_seconds(self) -> int:
        """When the host read these events, in Unix seconds."""
        return self._columns.lent.read_seconds

    @property
    def tags(self) -> Mapping[str, str]:
        """What belongs to the batch as a whole."""
        return self._own_tags()

    def set_tag(self, name: str, value: str) -> None:
        """Sets a tag of the batch."""
        self._own_tags()[name] = value
        self._changes.tags = self._tags

    def remove_tag(self, name: str) -> None:
        """Removes a tag of the batch, if it has it."""
        if self._own_tags().pop(name, None) is not None:
            self._changes.tags = self._tags

    def count(self, counter: str, amount: int = 1) -> None:
        """Adds to a counter of the processor's own, such as `history_failure_total`."""
        self._changes.count(counter, amount)

    def alarm(self, kind: str, message: str) -> None:
        """Reports something about the batch as a whole that a person should hear of."""
        self._changes.alarm(None, kind, message)

    def _own_tags(self) -> dict[str, str]:
        if self._tags is None:
            lent, columns = self._columns.lent, self._columns
            names = [decode(columns.bytes_at(lent.tag_names, tag)) for tag in range(len(lent.tag_names) // 2)]
            values = [decode(columns.bytes_at(lent.tag_values, tag)) for tag in range(len(lent.tag_values) // 2)]
            self._tags = dict(zip(names, values))
        return self._tags


class Event:
    """One log record: named fields in order, and a time."""

    __slots__ = ("_changes", "_columns", "_end", "_first", "_place", "_text", "index")

    def __init__(self, columns: Columns, changes: Changes, index: int, first: int, end: int) -> None:
        self._columns = columns
        self._changes = changes
        self._first = first
        self._end = end
        # The last text that was read of a field as it came in, so that it is not taken for a change.
        self._place = -1
        self._text = ""
        self.index = index
        """The place of the event in its batch."""

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of a field as text: sequences that are not UTF-8 are shown as U+FFFD."""
        columns = self._columns
        key = columns.keys.get(name)
        if key is None:
            return default
        edits = self._changes.edits.get(self.index)
        if edits is not None and key in edits:
            value = self._bytes_of(edits[key])
            return default if value is None else decode(value)
        place = columns.place(self._first, self._end, key)
        if place < 0:
            return default
        if place != self._place:
            values = columns.values
            start = values[2 * place]
            self._text = columns.arena[start : start + values[2 * place + 1]].decode("utf-8", "replace")
            self._place = place
        return self._text

    def get_bytes(self, name: str) -> bytes | None:
        """The value of a field as it is."""
        key = self._columns.keys.get(name)
        if key is None:
            return None
        edits = self._changes.edits.get(self.index)
        if edits is not None and key in edits:
            return self._bytes_of(edits[key])
        place = self._columns.place(self._first, self._end, key)
        return None if place < 0 else self._columns.bytes_at(self._columns.values, place)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str | bytes) -> None:
        """Sets a field: in its place if the event has it, else at the end."""
        key = self._columns.key_for(name)
        # What is set to what was read is no change, also if bytes of it could not be shown.
        if self._place >= 0 and value == self._text and self._columns.lent.keys[self._place] == key:
            self._changes.forget(self.index, key)
        else:
            self._changes.edit(self.index, key, encode(value) if isinstance(value, str) else value)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.remove(name)

    def __contains__(self, name: str) -> bool:
        return self.get_bytes(name) is not None

    def __iter__(self) -> Iterator[str]:
        """The names of the fields, in order."""
        present = self._columns.lent.keys[self._first : self._end]
        return iter([self._columns.names[key] for key in self._changes.keys_after(self.index, present)])

    def items(self) -> Iterator[tuple[str, str]]:
        """Names and values, in order."""
        return ((name, self[name]) for name in self)

    def update(self, fields: Mapping[str, str | bytes]) -> None:
        """Sets several fields."""
        for name, value in fields.items():
            self[name] = value

    def remove(self, name: str) -> None:
        """Removes a field, if the event has it."""
        key = self._columns.keys.get(name)
        if key is not None:
            self._changes.edit(self.index, key, REMOVED)

    def rename(self, old: str, new: str) -> None:
        """Gives a field another name, and the end of the event as its place. Copies nothing."""
        key = self._columns.keys.get(old)
        if key is None or old == new:
            return
        value = self._changes.edits.get(self.index, {}).get(key)
        if value is None:
            place = self._columns.place(self._first, self._end, key)
            if place < 0:
                return
            value = Span(self._columns.values[2 * place], self._columns.values[2 * place + 1])
        if value is not REMOVED:
            self._changes.edit(self.index, key, REMOVED)
            self._changes.edit(self.index, self._columns.key_for(new), value)

    def discard(self) -> None:
        """Drops the event."""
        self._changes.fates[self.index] = []
        self.outcome(Outcome.DISCARDED)

    def split(self, parts: Sequence[Mapping[str, str | bytes | None]]) -> None:
        """Makes several events of it: one for each part, which has the fields in which it differs. None removes one."""
        if not parts:
            return self.discard()
        self._changes.fates[self.index] = [
            {self._columns.key_for(name): _value_of(value) for name, value in part.items()} for part in parts
        ]

    def merge(self) -> None:
        """Makes it a part of the event that goes out before it, whose fields the processor sets as it likes."""
        self._changes.fates[self.index] = None

    @property
    def time(self) -> Time:
        """Its time."""
        return Time(*self._changes.time(self.index))

    @time.setter
    def time(self, time: tuple[int, int]) -> None:
        self._changes.set_time(self.index, *time)

    def outcome(self, outcome: Outcome) -> None:
        """Says what became of the event. Without a word it is successful."""
        self._changes.set_outcome(self.index, outcome)

    def alarm(self, kind: str, message: str) -> None:
        """Reports something that a person should hear of. After a few of one kind, further ones are only counted."""
        self._changes.alarm(self.index, kind, message)

    def _bytes_of(self, value: Value) -> bytes | None:
        if value is REMOVED:
            return None
        if isinstance(value, Span):
            return self._columns.arena[value.offset : value.offset + value.length]
        return value


def _value_of(value: str | bytes | None) -> Value:
    if value is None:
        return REMOVED
    return encode(value) if isinstance(value, str) else value
