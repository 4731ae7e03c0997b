"""
Reading everything: every verb that only reads, for every field of a vocabulary.

A peer that signs and seals as it should may write what it likes; a department that
reads it gets values and gaps, and never an error.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from typing import Any

from making.reading import PURPOSES
from making.world import Acme, Acme3

from cxcontext.core.journey import Journey
from cxcontext.core.recall import readable_fields
from cxcontext.core.standard import CONSENT, PROMISE
from cxcontext.core.vocabulary import FieldDefinition
from cxcontext.errors import MalformedError

_A_DAY = timedelta(days=1)

# How values of a type are read is made when it is first needed, and deeply; the bound
# on recursion, which comes later, is about what is read.
for _field in (*Acme.fields.values(), *Acme3.fields.values()):
    with suppress(MalformedError):
        _field.codec.from_wire(None)


def read_everything(
    journey: Journey[Any], *, scopes: Collection[int] | None = None
) -> None:
    """
    Call every reading verb on what came, and the ``str`` of all that may be shown.

    Args:
        journey: What came.
        scopes: Only what is of these; everything, unless given.
    """
    vocabulary = journey._department.vocabulary  # noqa: SLF001 - no verb returns it
    fields = [
        field
        for field in vocabulary.fields.values()
        if scopes is None or field.scope.number in scopes
    ]
    for field in fields:
        _read_field(journey, field)
    numbers = {field.number for field in fields}
    if PROMISE in numbers:
        for promise in journey.promises:
            str(promise), repr(promise)
    if CONSENT in numbers:
        for purpose in PURPOSES:
            journey.has_consent(purpose)
    if scopes is None:
        for explained in journey.explain():
            str(explained)
        journey.known_to("support")
        str(
            journey.needs(
                *(f.key for f in readable_fields(vocabulary, journey.context))
            )
        )
    tuple(journey.trail)
    repr(journey)


def _read_field(journey: Journey[Any], field: FieldDefinition[Any]) -> None:
    key = field.key
    journey.recall(key)
    journey.recall_all(key, purpose=PURPOSES[0], max_age=_A_DAY)
    str(journey.gap(key))
    for fact in journey.facts(key):
        str(fact), repr(fact)
