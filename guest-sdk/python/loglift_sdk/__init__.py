"""Write processors for the Loglift log agent in Python.

A processor is a class; `python -m loglift_sdk.build MODULE:CLASS` makes a component of it::

    from loglift_sdk import Batch, Context, Processor

    class Shout(Processor):
        name = "processor_shout"
        version = "0.1.0"
        summary = "Makes the content louder."
        config_schema = {"type": "object", "properties": {}}
        reads = ["content"]

        def process(self, batch: Batch) -> None:
            for event in batch:
                event["content"] = event["content"].upper()
"""

from ._batch import Batch, Event, Outcome, Time
from ._host import Level, log, zone
from ._processor import ConfigError, Context, Issue, Processor, Refusal, Stateful
from ._text import excerpt

__all__ = [
    "Batch",
    "ConfigError",
    "Context",
    "Event",
    "Issue",
    "Level",
    "Outcome",
    "Processor",
    "Refusal",
    "Stateful",
    "Time",
    "excerpt",
    "log",
    "zone",
]
