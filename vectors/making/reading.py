"""
What the library makes of a vector file: the refusal, or all that it reads.

Used to write what a valid vector expects, and by the test to read it again.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from cxcontext.core.context import Context
from cxcontext.core.department import Department
from cxcontext.core.domain import TrustDomain
from cxcontext.core.events import Event, LeftOutStatement, SectionIgnored
from cxcontext.core.graph import build_graph
from cxcontext.core.journey import Journey
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.core.known import Arrival
from cxcontext.core.numeric_date import from_seconds, to_seconds
from cxcontext.core.promising import Promise
from cxcontext.core.recall import read_field, readable_fields
from cxcontext.core.section import SectionContent, WireFact, WireMark
from cxcontext.core.statement import (
    FLAG_ACCEPTED,
    FLAG_ERASABLE,
    FLAG_EXPORT,
    FLAG_HINT,
    FLAG_POSSESSION,
)
from cxcontext.core.vocabulary import FieldDefinition, Vocabulary
from cxcontext.core.vocabulary_file import vocabulary_from_json
from cxcontext.errors import VerificationError
from making.world import Secrets

Json = dict[str, Any]

_FLAGS = {
    "possession": FLAG_POSSESSION,
    "hint": FLAG_HINT,
    "export": FLAG_EXPORT,
    "accepted": FLAG_ACCEPTED,
    "erasable": FLAG_ERASABLE,
}
_SECTION_CODES = frozenset(("section_unopenable", "section_malformed"))
# The purposes of consent that are asked for.
PURPOSES = ("dpv:Marketing", "dpv:ServiceProvision")


# --- a vector's parts --------------------------------------------------------


def forms_of(envelope: Json) -> list[bytes | str]:
    """
    Return an envelope in the forms that its vector gives, binary before text.
    """
    repeat = envelope.get("followed_by", {"times": 0})
    forms: list[bytes | str] = []
    if "hex" in envelope:
        behind = bytes.fromhex(repeat.get("hex", "")) * repeat["times"]
        forms.append(bytes.fromhex(envelope["hex"]) + behind)
    if "text" in envelope:
        forms.append(envelope["text"] + repeat.get("text", "") * repeat["times"])
    return forms


@cache
def _keys(root: Path, name: str) -> Json:
    found: Json = json.loads((root / "keys" / f"{name}.json").read_text())
    return found


@cache
def _vocabulary(root: Path, name: str) -> type[Vocabulary]:
    text = (root / "vocabularies" / f"{name}.json").read_text()
    return vocabulary_from_json(text)


def forget_files() -> None:
    """
    Read the keys and vocabularies anew from now on.
    """
    _keys.cache_clear()
    _vocabulary.cache_clear()


def receiver_of(vector: Json, root: Path, events: list[Event]) -> Department[Any]:
    """
    Return the department that a vector's envelope comes to, in a domain of its own.
    """
    keys, expectation = _keys(root, vector["keys"]), vector["expectation"]
    domain: TrustDomain[Any] = TrustDomain(
        vector["domain"],
        _vocabulary(root, vector["vocabulary"]),
        keys=KeySet.from_json(json.dumps(keys["key_set"])),
        clock=lambda: from_seconds(expectation["now"]),
        on_event=events.append,
    )
    private = keys["private_keys"][vector["receiver"]]
    secret = vector.get("secret")
    return domain.department(
        vector["receiver"],
        keys=PrivateKeys.from_json(json.dumps(private)),
        secrets=Secrets(bytes.fromhex(secret) if secret else None),
        purpose=expectation.get("purpose"),
    )


def open_with(
    department: Department[Any], form: bytes | str, expectation: Json
) -> Journey[Any]:
    """
    Return the journey that *form* is, opened as the vector says.
    """
    if expectation["open"] == "resume":
        how = expectation.get("arrival", "home")
        return department.resume(form, arrival=Arrival[how.upper()])
    if expectation["open"] == "answer":
        return department.receive_from_external(form)[0]
    binding, reply_to = expectation.get("binding"), expectation.get("reply_to")
    return department.receive(
        form,
        binding=None if binding is None else bytes.fromhex(binding),
        reply_to=None if reply_to is None else bytes.fromhex(reply_to),
        once=expectation.get("once", False),
        max_lifetime=timedelta(seconds=expectation.get("max_lifetime", 300)),
        arrival=Arrival[expectation.get("arrival", "delivery").upper()],
    )


# --- refusing ----------------------------------------------------------------


def refusals_of(vector: Json, root: Path) -> list[str | None]:
    """
    Return the code of what is refused, for each form; None where nothing is.
    """
    if vector["expectation"]["open"] == "graph":
        return [_graph_refusal(vector["graph"])]
    return [_refusal(vector, root, form) for form in forms_of(vector["envelope"])]


class _Linked:
    def __init__(self, entry: Json) -> None:
        self.id = bytes.fromhex(entry["id"])
        self.parents = [bytes.fromhex(parent) for parent in entry["parents"]]


def _graph_refusal(graph: list[Json]) -> str | None:
    try:
        build_graph([_Linked(entry) for entry in graph])
    except VerificationError as refused:
        return refused.code
    return None


def _refusal(vector: Json, root: Path, form: bytes | str) -> str | None:
    events: list[Event] = []
    department, expectation = receiver_of(vector, root, events), vector["expectation"]
    try:
        for _ in range(expectation.get("received_before", 0)):
            open_with(department, form, {**expectation, "once": False})
        journey = open_with(department, form, expectation)
    except VerificationError as refused:
        return refused.code
    number = expectation.get("open_scope")
    if number is None:
        return None
    scope = department.vocabulary.scopes_by_number[number]
    journey.context.scope_contents(scope, now_s=expectation["now"])
    codes = [
        event.code
        for event in events
        if isinstance(event, SectionIgnored)
        and event.scope == number
        and event.code in _SECTION_CODES
    ]
    return codes[0] if codes else None


# --- reading -----------------------------------------------------------------


def readings_of(vector: Json, root: Path) -> list[Json]:
    """
    Return all that is read in a valid vector, for each of its forms.
    """
    return [_reading(vector, root, form) for form in forms_of(vector["envelope"])]


def _reading(vector: Json, root: Path, form: bytes | str) -> Json:
    events: list[Event] = []
    department, expectation = receiver_of(vector, root, events), vector["expectation"]
    journey = open_with(department, form, expectation)
    context = journey.context
    vocabulary: type[Vocabulary] = department.vocabulary
    fields = readable_fields(vocabulary, context)
    return {
        "journey_id": context.journey_id,
        "sender": journey.received_from,
        "arrival": journey.arrival.name.lower(),
        "delivery_id": None if (i := journey.delivery_id) is None else i.hex(),
        "left_out": [
            {"key_id": event.key_id, "code": event.code}
            for event in events
            if isinstance(event, LeftOutStatement)
        ],
        "statements": _statements(context),
        "scopes": {
            str(scope.number): _scope(context, scope, expectation["now"])
            for scope in sorted(vocabulary.scopes.values(), key=lambda s: s.number)
            if context.reader.may_read(scope)
        },
        "fields": [
            _field(journey, field, qualifier)
            for field in fields
            for qualifier in _qualifiers(journey, field)
        ],
        "promises": [_promise(promise) for promise in journey.promises],
        "consents": {p: True for p in PURPOSES if journey.has_consent(p)},
    }


def _statements(context: Context) -> list[Json]:
    found = []
    for statement, author in zip(context.statements, context.authors, strict=True):
        found.append(
            {
                "id": statement.id.hex(),
                "author": author,
                "issued": statement.issued_s,
                "expires": statement.expires_s,
                "channel": statement.channel,
                "revision": statement.revision,
                "parents": [parent.hex() for parent in statement.parents],
                "flags": [n for n, bit in _FLAGS.items() if statement.flags & bit],
                "clear": [_fact(fact) for fact in statement.clear],
            }
        )
    return found


def _scope(context: Context, scope: Any, now_s: int) -> list[Json]:
    contents = context.scope_contents(scope, now_s=now_s)
    found = []
    for statement, content in zip(context.statements, contents, strict=True):
        entry: Json = {"statement": statement.id.hex()}
        if content is None:
            continue
        if isinstance(content, SectionContent):
            entry["facts"] = [_fact(fact) for fact in content.facts]
            entry["marks"] = [_mark(mark) for mark in content.marks]
        else:
            entry["unread"] = content.value
        found.append(entry)
    return found


def _fact(fact: WireFact) -> Json:
    found: Json = {"field": fact.field}
    if fact.has_value:
        found["value"] = value_to_json(fact.value)
    found["known"] = fact.known.name.lower()
    if fact.age_s:
        found["age"] = fact.age_s
    if fact.qualifier is not None:
        found["qualifier"] = fact.qualifier
    if fact.reported_by is not None:
        found["reported_by"] = fact.reported_by
    return found


def _mark(mark: WireMark) -> Json:
    found: Json = {"field": mark.field, "kind": mark.kind.name.lower()}
    if mark.age_s:
        found["age"] = mark.age_s
    if mark.qualifier is not None:
        found["qualifier"] = mark.qualifier
    if mark.because is not None:
        found["because"] = mark.because
    return found


def _qualifiers(journey: Journey[Any], field: FieldDefinition[Any]) -> list[str | None]:
    if not field.many:
        return [None]
    found = journey._qualifiers(field.key)  # noqa: SLF001 - nobody else lists them
    return sorted(found, key=lambda qualifier: qualifier or "")


def _field(
    journey: Journey[Any], field: FieldDefinition[Any], qualifier: str | None
) -> Json:
    reading = read_field(
        field, qualifier, context=journey.context, now_s=journey.now_s()
    )
    found: Json = {"field": field.name}
    if qualifier is not None:
        found["qualifier"] = qualifier
    gap = journey.gap(field.key, qualifier=qualifier)
    if gap is None and reading.shown is not None:
        found["recalled"] = value_to_json(reading.shown.fact.value)
    elif gap is not None:
        found["gap"] = gap.reason.value
    if reading.standing:
        found["settled"] = reading.settled
        found["standing"] = []
    for claim in reading.standing:
        stands: Json = {}
        if claim.fact.has_value:
            stands["value"] = value_to_json(claim.fact.value)
        stands |= {
            "known": claim.known.name.lower(),
            "department": claim.department,
            "at": claim.at_s,
        }
        if claim.fact.reported_by is not None:
            stands["reported_by"] = claim.fact.reported_by
        found["standing"].append(stands)
    return found


def _promise(promise: Promise) -> Json:
    instants = (promise.due_from, promise.due_until, promise.told_at)
    due_from, due_until, told = (None if i is None else to_seconds(i) for i in instants)
    return {
        "id": promise.id,
        "status": promise.status.value,
        "kind": promise.kind,
        "wording": promise.wording,
        "created_by": promise.created_by,
        "owner": promise.owner,
        "proposed_to": promise.proposed_to,
        "due_from": due_from,
        "due_until": due_until,
        "told_at": told,
        "observed_broken_by": sorted(promise.observed_broken_by),
    }


# --- values ------------------------------------------------------------------

_EXACT = 2**53 - 1


def value_to_json(wire: Any) -> Any:
    """
    Return a value of the wire as JSON: see ``vectors/README.md``.
    """
    if isinstance(wire, bool) or wire is None or isinstance(wire, str):
        return wire
    if isinstance(wire, int):
        return wire if abs(wire) <= _EXACT else {"integer": str(wire)}
    if isinstance(wire, float):
        return {"float": wire}
    if isinstance(wire, bytes):
        return {"bytes": wire.hex()}
    if isinstance(wire, datetime):
        text = wire.astimezone(UTC).replace(tzinfo=None).isoformat()
        return {"instant": text + "Z"}
    if isinstance(wire, date):
        return {"day": wire.isoformat()}
    if isinstance(wire, Decimal):
        sign, digits, exponent = wire.as_tuple()
        mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
        return {"decimal": [exponent, str(mantissa)]}
    if isinstance(wire, dict):
        return {"map": [[*map(value_to_json, entry)] for entry in wire.items()]}
    return [value_to_json(item) for item in wire]
