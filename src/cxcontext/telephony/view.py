"""
A journey as JSON: what one department may see of it, and what it must ask.

Pure functions. Nothing is in it that `Journey.recall` would not give this department:
what is sealed to others is a gap with its reason.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from decimal import Decimal
from typing import Any, Final

from cattrs.preconf.json import make_converter

import cxcontext as cx
from cxcontext.errors import UsageError

_JSON: Final = make_converter()
_JSON.register_unstructure_hook(Decimal, str)
_JSON.register_unstructure_hook(bytes, lambda value: b64encode(value).decode())


def view(
    journey: cx.Journey[Any],
    *,
    department: cx.Department[Any],
    fields: Collection[str] | None = None,
) -> dict[str, Any]:
    """
    Return what *department* may see of *journey*, ready for `json.dumps`.

    Dates are ISO 8601, decimals strings, bytes base64, records objects; a field with
    many values is an object by qualifier. With *fields*, the events of `Journey.needs`
    are raised: somebody is about to ask.

    Args:
        journey: The journey, as this department has it.
        department: The same department.
        fields: The names of those that are needed; all that it may read, unless given.

    Returns:
        ``arrival``; ``known`` by field; ``gaps``, each with ``field``, ``reason``,
        ``remedy`` and how to ``ask``.

    Raises:
        UsageError: When *fields* names one that the vocabulary has not.

    .. versionadded:: 0.1.0
    """
    have = department.vocabulary.fields
    if fields is None:
        names = [
            name
            for name, field in have.items()
            # Promises, consents and identity have verbs of their own.
            if department.name in field.scope.readers and field.number > 0
        ]
    else:
        names = list(dict.fromkeys(fields))
        if not set(names) <= set(have):
            raise UsageError("a field is needed that the vocabulary has not")
        journey.needs(*(have[name].key for name in names))
    known: dict[str, Any] = {}
    gaps = []
    for name in names:
        key = have[name].key
        gap = journey.gap(key)
        if key.field.many:
            values = journey.recall_all(key)
            if values:
                known[name] = {str(q): _plain(v) for q, v in values.items()}
                continue
        elif gap is None:
            known[name] = _plain(journey.recall(key))
            continue
        if gap is not None:
            gaps.append(_gap(gap))
    return {"arrival": journey.arrival.name.lower(), "known": known, "gaps": gaps}


def _plain(value: Any) -> Any:
    return _JSON.unstructure(value)


def _gap(gap: cx.Gap) -> dict[str, Any]:
    field = gap.key.field
    return {
        "field": gap.key.name,
        "reason": gap.reason.value,
        "remedy": gap.remedy.value,
        "departments": list(gap.departments),
        "ask": field.ask or field.label or field.name,
    }
