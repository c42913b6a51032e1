import unittest
from collections.abc import Callable
from typing import Any

from loglift_sdk import Batch, ConfigError, Context, Event, Issue, Outcome, Processor, Refusal, Stateful, Time, excerpt
from loglift_sdk.testing import Guest, Output, TestEvent


def processor(process: Callable[..., None], **more: Any) -> type[Processor]:
    """A processor of one function, which gets the events and the batch."""

    def call(self: Processor, batch: Batch) -> None:
        process(list(batch), batch)

    return type("Anonymous", (Processor,), {"process": call, **more})


def change(events: list[Any], process: Callable[..., None]) -> Output:
    return Guest(processor(process)).process(events)


class Views(unittest.TestCase):
    def test_a_field_is_set_in_its_place_appended_removed_and_renamed(self) -> None:
        def process(events: list[Event], _: Batch) -> None:
            first, second = events
            first["a"] = "x"
            first["c"] = "é"
            del first["b"]
            second.rename("b", "a")
            second.remove("nothing")

        output = change([{"a": "1", "b": "2"}, {"b": "3"}], process)
        self.assertEqual(output.events, [{"a": "x", "c": "é"}, {"a": "3"}])
        self.assertEqual(list(output.events[0]), ["a", "c"])

    def test_what_was_set_is_what_is_read(self) -> None:
        def process(events: list[Event], _: Batch) -> None:
            (event,) = events
            event.update({"a": "x", "new": "y"})
            event.remove("b")
            event.rename("a", "z")
            self.assertEqual(dict(event.items()), {"new": "y", "z": "x"})
            self.assertEqual([event.get("a"), event.get("b", "?"), event["new"]], [None, "?", "y"])
            self.assertNotIn("a", event)
            self.assertIn("new", event)
            with self.assertRaises(KeyError):
                del event["a"]
            event["z"] = b"\xff"
            self.assertEqual(event["z"], "\ufffd")
            self.assertEqual(event.get_bytes("new"), b"y")

        change([{"a": "1", "b": "2"}], process)

    def test_what_is_set_to_what_was_read_is_no_change(self) -> None:
        def process(events: list[Event], _: Batch) -> None:
            events[0]["a"] = events[0]["a"]

        self.assertEqual(change([{"a": b"a\xff"}], process).raw, [{"a": b"a\xff"}])

    def test_events_are_discarded_split_and_merged_and_keep_their_times(self) -> None:
        def process(events: list[Event], _: Batch) -> None:
            first, second, third, fourth = events
            fourth.time = Time(9)
            first.discard()
            second.split([{"a": "x"}, {"b": "y"}, {"a": None}])
            third.merge()

        output = change([TestEvent({"a": str(n)}, Time(n, 5)) for n in range(1, 5)], process)
        self.assertEqual(output.events, [{"a": "x"}, {"a": "2", "b": "y"}, {}, {"a": "4"}])
        self.assertEqual(output.origins, [1, 1, 1, 3])
        self.assertEqual(output.times, [Time(2, 5), Time(2, 5), Time(2, 5), Time(9)])
        self.assertEqual(output.outcomes, [Outcome.DISCARDED, *[Outcome.SUCCESSFUL] * 3])

    def test_outcomes_counts_alarms_and_tags(self) -> None:
        def process(events: list[Event], batch: Batch) -> None:
            events[0].outcome(Outcome.FAILED)
            for n in range(6):
                events[0].alarm("ODD_ALARM", f"the {n}th")
            batch.count("odd_total")
            batch.count("odd_total", 2)
            self.assertEqual(batch.tags["host"], "h")
            batch.set_tag("topic", "t")
            batch.remove_tag("path")

        output = Guest(processor(process)).process([{"a": "1"}, {}], tags={"host": "h", "path": "/p"})
        self.assertEqual(output.outcomes, [Outcome.FAILED, Outcome.SUCCESSFUL])
        self.assertEqual(output.counts, {"odd_total": 3})
        found = [(alarm.message, alarm.occurrences) for alarm in output.alarms]
        self.assertEqual(found, [("the 0th", 1), ("the 1th", 1), ("the 2th", 1), ("the 3th", 3)])
        self.assertEqual(output.tags, {"host": "h", "topic": "t"})

    def test_a_processor_sees_the_fields_that_it_reads(self) -> None:
        seen: list[list[str]] = []
        kind = processor(lambda events, _: seen.extend(list(event) for event in events), reads=["b"])
        Guest(kind).process([{"a": "1", "b": "2"}])
        self.assertEqual(seen, [["b"]])

    def test_excerpts_are_short(self) -> None:
        self.assertEqual(excerpt("x" * 101), "x" * 100 + "...")


class Failures(unittest.TestCase):
    def test_errors_are_refusals_with_a_message(self) -> None:
        def fail(error: Exception) -> Callable[..., None]:
            def process(events: list[Event], _: Batch) -> None:
                raise error

            return process

        with self.assertRaisesRegex(Refusal, "^no way$"):
            change([{}], fail(Refusal("no way")))
        with self.assertRaisesRegex(Refusal, r"^TypeError: odd \(test_batch.py, line \d+\)$"):
            change([{}], fail(TypeError("odd")))
        with self.assertRaisesRegex(Refusal, "cannot be merged"):
            change([{}], lambda events, _: events[0].merge())

    def test_a_configuration_is_refused_with_every_mistake(self) -> None:
        issues = [Issue("A", "wrong"), Issue("B", "wrong too")]

        def init(self: Processor, config: dict[str, Any], context: Context) -> None:
            if config:
                raise ConfigError(issues)
            raise KeyError("A")

        kind = processor(lambda *_: None, __init__=init)
        with self.assertRaises(ConfigError) as caught:
            Guest(kind, {"A": 1})
        self.assertEqual(caught.exception.issues, issues)
        with self.assertRaisesRegex(ConfigError, "KeyError: 'A'"):
            Guest(kind)


class Memory(unittest.TestCase):
    def test_a_processor_that_remembers(self) -> None:
        class Sum(Stateful):
            sum = 0

            def process(self, batch: Batch) -> None:
                self.sum += len(batch)

            def save(self) -> bytes:
                return bytes([self.sum])

            def restore(self, from_version: str, saved: bytes) -> None:
                self.sum = saved[0]

        guest = Guest(Sum)
        guest.process([{}, {}])
        self.assertEqual(guest.processor.save(), b"\x02")
        guest.processor.restore("1", b"\x07")
        guest.process([{}])
        self.assertEqual(guest.processor.sum, 8)


if __name__ == "__main__":
    unittest.main()
