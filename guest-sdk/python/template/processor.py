"""Finds the level of a line, such as ERROR, and gives it a field of its own."""

from __future__ import annotations

import re
from typing import Any

from loglift_sdk import Batch, ConfigError, Context, Issue, Outcome, Processor

LEVEL = re.compile(r"\b(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b", re.ASCII)


class __PASCAL__(Processor):
    """Finds the level of a line and gives it a field of its own."""

    name = "processor___SNAKE__"
    version = "0.1.0"
    summary = "Finds the level of a line and gives it a field of its own."
    # The agent checks configs against this, and says in which line of its file a mistake is.
    config_schema = {
        "type": "object",
        "properties": {
            "SourceKey": {
                "type": "string",
                "minLength": 1,
                "description": "The field to look at. Without it: content.",
            },
            "TargetKey": {
                "type": "string",
                "minLength": 1,
                "description": "The field that gets the level. Without it: level.",
            },
        },
    }

    def __init__(self, config: dict[str, Any], context: Context) -> None:
        self.source = config.get("SourceKey", "content")
        self.target = config.get("TargetKey", "level")
        if self.source == self.target:
            raise ConfigError([Issue("TargetKey", "must not be the field that is looked at")])
        # Batches then hold these fields only, which makes them cheaper.
        self.reads = [self.source, self.target]

    def process(self, batch: Batch) -> None:
        for event in batch:
            found = LEVEL.search(event.get(self.source, ""))
            if found:
                event[self.target] = found[0]
            else:
                event.outcome(Outcome.KEY_NOT_FOUND)
