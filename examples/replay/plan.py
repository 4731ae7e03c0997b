"""
A vocabulary that is built from a schema, and the keys that go with it.

Every service is a department. Every kind of thing that any service needs is a field
with many values, each under the service and slot that it was said for. Whoever has a
slot of the kind writes it; whoever may find an answer there reads it, and nobody else.
What no service takes as an input, such as a balance or the telephone number of a
therapist, stays with the service that said it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import new_class
from typing import Any

import attrs
from dialogues import Slot, Values
from kinds import asked_kinds, kinds_of, label_of

import cxcontext as cx
from cxcontext.core.key_ring import KeyRing
from cxcontext.core.keygen import generate_keys

DOMAIN = "replay.example"
# Of these the system speaks in every service, without a slot in the schema: how many
# results there are, and what it could do next.
SAID_BY_ALL = ("count", "intent")
MAX_QUALIFIER_CHARS = 64  # of the format
MAX_NAME_CHARS = 32  # of a department, of the format

# A slot's values as they were said, oldest first: people say one thing in many ways.
Key = cx.Key[Any, Values]


@attrs.frozen
class SlotPlan:
    """
    What a service does with a slot.

    Attributes:
        key: Where it learns what was said.
        asks: Where it looks before it asks the customer.
        qualifier: Which service and slot a value was said for.
    """

    key: Key
    asks: tuple[Key, ...]
    qualifier: str


@attrs.frozen
class Plan:
    """
    The vocabulary of a schema.

    Attributes:
        vocabulary: Its fields and scopes.
        departments: The name of each service's department.
        slots: By service and slot.
    """

    vocabulary: type[cx.Vocabulary]
    departments: Mapping[str, str]
    slots: Mapping[tuple[str, str], SlotPlan]


@attrs.define
class _Draft:
    """
    A field in the making.
    """

    label: str
    writers: set[str] = attrs.field(factory=set)
    readers: set[str] = attrs.field(factory=set)


def make_plan(slots: Iterable[Slot]) -> Plan:
    """
    Return the vocabulary that the services of a schema can agree on.
    """
    slots = tuple(slots)
    departments = _department_names(slot.service for slot in slots)
    listed = {(slot.service, slot.name) for slot in slots}
    slots += tuple(
        Slot(service, name, is_input=False)
        for service in departments
        for name in SAID_BY_ALL
        if (service, name) not in listed
    )
    kinds = kinds_of(slots)
    readers: dict[str, set[str]] = {}
    for slot in slots:
        for kind in _asked(slot, kinds):
            readers.setdefault(kind, set()).add(departments[slot.service])
    drafts: dict[str, _Draft] = {}
    fields: dict[tuple[str, str], str] = {}
    for slot in slots:
        place, department = (slot.service, slot.name), departments[slot.service]
        kind = kinds[place]
        name, label = kind, label_of(kind)
        if kind not in readers:
            name, label = f"results of {department}", f"results of {slot.service}"
        draft = drafts.setdefault(name, _Draft(label))
        draft.writers.add(department)
        draft.readers |= readers.get(kind, {department})
        fields[place] = name
    vocabulary, keys = _vocabulary(drafts)
    qualifiers = _qualifiers(slots)
    return Plan(
        vocabulary=vocabulary,
        departments=departments,
        slots={
            place: SlotPlan(
                key=keys[fields[place]],
                asks=tuple(keys[k] for k in _asked(slot, kinds) if k in keys),
                qualifier=qualifiers[place],
            )
            for slot in slots
            for place in [(slot.service, slot.name)]
        },
    )


def make_keys(plan: Plan, *, now: datetime | None = None) -> KeyRing:
    """
    Return real keys: each department signs with its own, and opens what it reads.
    """
    scopes = plan.vocabulary.scopes.values()
    return generate_keys(
        domain=DOMAIN,
        departments=dict.fromkeys(plan.departments.values(), False),
        readers={scope.number: scope.readers for scope in scopes},
        now=now or datetime.now(UTC),
    )


def _asked(slot: Slot, kinds: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    if not slot.is_input:
        return ()
    return asked_kinds(slot, kinds[slot.service, slot.name])


def _vocabulary(
    drafts: Mapping[str, _Draft],
) -> tuple[type[cx.Vocabulary], dict[str, Key]]:
    """
    Return a vocabulary with these fields; those of the same departments share a scope.
    """
    members: dict[str, Any] = {}
    scopes: dict[tuple[frozenset[str], frozenset[str]], cx.Scope] = {}
    attributes: dict[str, str] = {}
    for number, (name, draft) in enumerate(drafts.items(), start=1):
        who = frozenset(draft.readers), frozenset(draft.writers)
        if who not in scopes:
            scope = cx.Scope(len(scopes) + 1, readers=who[0], writers=who[1])
            scopes[who] = members[f"scope_{scope.number}"] = scope
        plain = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_") or "field"
        attribute = _unused(plain, MAX_QUALIFIER_CHARS, {*dir(cx.Vocabulary), *members})
        attributes[name] = attribute
        members[attribute] = cx.Field(
            number, Values, scope=scopes[who], many=True, label=draft.label
        )
    vocabulary: type[cx.Vocabulary] = new_class(
        "Services", (cx.Vocabulary,), {"revision": 1}, lambda body: body.update(members)
    )
    return vocabulary, {name: getattr(vocabulary, a) for name, a in attributes.items()}


def _department_names(services: Iterable[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for service in dict.fromkeys(services):
        plain = re.sub(r"[^a-z0-9._-]+", "-", service.lower()).strip("._-") or "service"
        names[service] = _unused(plain, MAX_NAME_CHARS, set(names.values()))
    return names


def _qualifiers(slots: Iterable[Slot]) -> dict[tuple[str, str], str]:
    qualifiers: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for slot in slots:
        text = _unused(f"{slot.service}/{slot.name}", MAX_QUALIFIER_CHARS, taken)
        taken.add(text)
        qualifiers[slot.service, slot.name] = text
    return qualifiers


def _unused(text: str, length: int, taken: set[str]) -> str:
    return next(name for name in _variants(text, length) if name not in taken)


def _variants(text: str, length: int) -> Iterator[str]:
    yield text[:length]
    number = 2
    while True:
        ending = f"-{number}"
        yield text[: length - len(ending)] + ending
        number += 1
