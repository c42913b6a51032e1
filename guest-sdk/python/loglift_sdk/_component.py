"""Joins a processor to the exports of its component. Only there, the module `wit_world` exists."""

from __future__ import annotations

import json
from typing import Any

import wit_world.exports
from componentize_py_types import Err
from wit_world.imports import host, types

from . import _host
from ._processor import ConfigError, Context, Issue, Processor
from ._run import Refused, configure, message_of, process

_host.connect(host)

_processor: Any = None


def columnar(kind: type[Processor]) -> type:
    """The export `columnar` of a processor."""

    class Columnar(wit_world.exports.Columnar):
        def describe(self) -> types.Description:
            return types.Description(kind.name, kind.version, kind.summary, json.dumps(kind.config_schema))

        def configure(self, config: str, context: types.Context) -> types.Setup:
            global _processor
            try:
                facts = Context(context.machine_zone, context.discard_older_than, dict(context.extra))
                _processor = configure(kind, config, facts)
            except ConfigError as error:
                raise Err([_issue(issue) for issue in error.issues]) from None
            reads = None if _processor.reads is None else list(_processor.reads)
            return types.Setup(reads, [_issue(warning) for warning in _processor.warnings], list(_processor.notes))

        def process(self, events: types.Batch) -> types.Answer:
            try:
                answer = process(_processor, events)
            except Refused as refused:
                raise Err(str(refused)) from None
            edits = answer.edits
            fields = (
                types.Fields_Unchanged()
                if edits is None
                else types.Fields_Edits(types.Edits(edits.events, edits.keys, edits.values))
            )
            return types.Answer(
                appended=answer.appended,
                names=answer.names,
                origins=answer.origins,
                through=answer.through,
                seconds=answer.seconds,
                nanoseconds=answer.nanoseconds,
                fields=fields,
                tags=answer.tags,
                outcomes=answer.outcomes,
                counts=answer.counts,
                alarms=[
                    types.Alarm(alarm.event, alarm.kind, alarm.message, alarm.occurrences) for alarm in answer.alarms
                ],
            )

    return Columnar


def state() -> type:
    """The export `state` of a processor that remembers."""

    class State(wit_world.exports.State):
        def save(self) -> bytes:
            return _processor.save()

        def restore(self, from_version: str, saved: bytes) -> None:
            try:
                _processor.restore(from_version, saved)
            except Exception as error:
                raise Err(message_of(error)) from None

    return State


def _issue(issue: Issue) -> types.Issue:
    return types.Issue(issue.path, issue.message)
