"""Classifies the user agents of access logs."""

from __future__ import annotations

from typing import Any

from loglift_sdk import Batch, ConfigError, Context, Issue, Outcome, Processor
from user_agent import Agent, classify


class UserAgent(Processor):
    """Puts what a user agent says of itself into fields of their own."""

    name = "processor_user_agent"
    version = "0.1.0"
    summary = "Puts browser, system, kind of device and bot of a user agent into fields."
    config_schema = {
        "type": "object",
        "properties": {
            "SourceKey": {"type": "string", "description": "The field with the user agent. Without it: user_agent."},
            "Prefix": {
                "type": "string",
                "description": "What new names begin with. Without it: ua_.",
            },
            "Fields": {
                "type": "array",
                "items": {"type": "string", "enum": list(Agent._fields)},
                "description": "Which fields to make: browser, version, os, os_version, device, bot. Without it: all.",
            },
            "KeepSource": {"type": "boolean", "description": "Whether the user agent itself stays. Without it: true."},
        },
    }

    def __init__(self, config: dict[str, Any], context: Context) -> None:
        self.source = config.get("SourceKey", "user_agent")
        self.keeps_source = config.get("KeepSource", True)
        fields = config.get("Fields", Agent._fields)
        if not fields:
            raise ConfigError([Issue("Fields", "expected a field, or no Fields for all")])
        prefix = config.get("Prefix", "ua_")
        self.fields = [(prefix + field, Agent._fields.index(field)) for field in fields]
        self.reads = [self.source]

    def process(self, batch: Batch) -> None:
        for event in batch:
            text = event.get(self.source)
            if text is None:
                event.outcome(Outcome.KEY_NOT_FOUND)
                continue
            agent = classify(text)
            if not self.keeps_source:
                event.remove(self.source)
            for name, place in self.fields:
                if agent[place]:
                    event[name] = agent[place]
            if agent.device == "bot":
                batch.count("bots_total")
