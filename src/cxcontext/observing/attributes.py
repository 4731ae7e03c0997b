"""
What of an event logs, metrics and traces show: plain values under short names.

Pure functions. Events are free of what customers said. The ids of journeys, promises
and statements are not shown either: they are pseudonyms of customers, and logs are
kept longer and read by more people than journeys.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final, TypeAlias

import attrs

from cxcontext import events

Attribute: TypeAlias = str | int | bool | tuple[str, ...] | tuple[int, ...]

PSEUDONYMS: Final = frozenset({"journey_id", "promise_id", "statement_ids"})


def kind_of(event: events.Event) -> str:
    """
    Return what happened, in one word: ``"gap_found"`` of a `GapFound`.

    .. versionadded:: 0.1.0
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()


def attributes_of(event: events.Event) -> dict[str, Attribute]:
    """
    Return what may be shown of an event; nothing where there is nothing to say.

    .. versionadded:: 0.1.0
    """
    found = {name: getattr(event, name) for name in attrs.fields_dict(type(event))}
    return {
        name: _plain(value)
        for name, value in found.items()
        if name not in PSEUDONYMS and value is not None and value != ()
    }


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
