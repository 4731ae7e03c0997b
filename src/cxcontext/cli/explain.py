"""
``cxcontext explain``: what a department can read of an envelope, and why not more.

Fields, reasons and provenance; no value and no qualifier.
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from typing import Any

from cxcontext.cli.arguments import (
    Commands,
    add_envelope_arguments,
    add_json_argument,
    add_opening_arguments,
    now,
)
from cxcontext.cli.output import instant, say, say_json, say_table
from cxcontext.cli.reading import (
    read_envelope,
    read_key_set,
    read_private_keys,
    read_vocabulary,
)
from cxcontext.cli.verify import refusal
from cxcontext.core.department import Department
from cxcontext.core.domain import TrustDomain
from cxcontext.core.envelope import Envelope, decode_envelope
from cxcontext.core.events import Event, LeftOutStatement, SectionIgnored
from cxcontext.core.journey import Explained, Journey
from cxcontext.core.limits import DELIVERY_LIFETIME
from cxcontext.core.vocabulary import Scope
from cxcontext.errors import VerificationError

_FIELDS = ("field", "scope", "state", "remedy", "known", "said by", "at", "settled")
_SCOPES = ("scope", "may read", "present", "withheld", "readers")


def add_to(commands: Commands) -> None:
    """
    Add the command to the command line.
    """
    parser = commands.add_parser(
        "explain", help="say what a department can read, and what not and why"
    )
    add_envelope_arguments(parser)
    parser.add_argument(
        "--keys", required=True, metavar="FILE", help="the department's private keys"
    )
    parser.add_argument("--vocabulary", required=True, metavar="MODULE:CLASS|FILE")
    parser.add_argument(
        "--purpose", metavar="TERM", help="the W3C DPV purpose that it reads for"
    )
    add_opening_arguments(parser)
    add_json_argument(parser)
    parser.set_defaults(run=_explain)


def _explain(arguments: Namespace) -> int:
    events: list[Event] = []
    department = _department(arguments, events)
    raw = read_envelope(arguments)
    try:
        envelope = decode_envelope(raw)
        journey = _open(department, envelope, arguments)
    except VerificationError as error:
        if arguments.json:
            say_json(refusal(error))
        raise
    fields = [_field(explained) for explained in journey.explain()]
    document = {
        "verified": True,
        "department": department.name,
        "journey": journey.id,
        "received_from": journey.received_from,
        "arrival": journey.arrival.name,
        "erasable": journey.is_erasable,
        "fields": fields,
        "scopes": [
            _scope(scope, department.name, envelope)
            for _, scope in sorted(department.vocabulary.scopes_by_number.items())
        ],
        "ignored": [_ignored(event) for event in events if _is_told(event)],
    }
    if arguments.json:
        say_json(document)
    else:
        _print(document)
    return 0


def _department(arguments: Namespace, events: list[Event]) -> Department[Any]:
    key_set = read_key_set(arguments.key_set, pin=arguments.pin)
    keys = read_private_keys(arguments.keys)
    at = arguments.at or now()
    domain: TrustDomain[Any] = TrustDomain(
        key_set.domain,
        read_vocabulary(arguments.vocabulary),
        keys=key_set,
        clock=lambda: at,
    )
    return domain.department(
        keys.department, keys=keys, purpose=arguments.purpose, on_event=events.append
    )


def _open(
    department: Department[Any], envelope: Envelope, arguments: Namespace
) -> Journey[Any]:
    if envelope.delivery.rests:
        return department.resume(envelope)
    binding = arguments.binding
    return department.receive(
        envelope,
        binding=None if binding is None else binding.encode(),
        reply_to=arguments.reply_to,
        max_lifetime=arguments.max_lifetime or DELIVERY_LIFETIME,
    )


def _field(explained: Explained) -> dict[str, Any]:
    fact, gap = explained.fact, explained.gap
    return {
        "field": explained.field,
        "scope": explained.scope,
        "state": "known" if gap is None else gap.reason.value,
        "remedy": None if gap is None else gap.remedy.value,
        "departments": [] if gap is None else list(gap.departments),
        "known": None if fact is None else fact.known.name,
        "said_by": None if fact is None else fact.department,
        "reported_by": None if fact is None else fact.reported_by,
        "at": None if fact is None else instant(fact.at),
        "settled": None if fact is None else fact.settled,
        "retracted": None if fact is None else fact.retracted,
    }


def _scope(scope: Scope, department: str, envelope: Envelope) -> dict[str, Any]:
    seen = Counter(
        scope.number in statement.sections
        for statement in envelope.statements
        if scope.number in statement.digests
    )
    return {
        "scope": scope.number,
        "name": scope.name,
        "may_read": department in scope.readers,
        "present": seen[True],
        "withheld": seen[False],
        "readers": sorted(scope.readers),
    }


def _is_told(event: Event) -> bool:
    return isinstance(event, SectionIgnored | LeftOutStatement)


def _ignored(event: Any) -> dict[str, Any]:
    return {
        "scope": getattr(event, "scope", None),
        "author": getattr(event, "author", None),
        "key": getattr(event, "key_id", None),
        "code": event.code,
    }


def _print(document: dict[str, Any]) -> None:
    say(
        f"journey {document['journey']} for {document['department']}, from "
        f"{document['received_from']}, arrival {document['arrival']}"
    )
    if document["erasable"]:
        say("erasable: without its secret, which is at home, no section can be read")
    rows = []
    for field in document["fields"]:
        remedy = " ".join([field["remedy"] or "-", *field["departments"]])
        settled = {None: "-", True: "yes", False: "no"}[field["settled"]]
        said = [field["known"], field["said_by"], field["at"]]
        rows.append(
            [
                *(field["field"], field["scope"], field["state"], remedy),
                *(cell or "-" for cell in said),
                settled,
            ]
        )
    say_table(f"what {document['department']} may read", _FIELDS, rows)
    scopes = [
        [
            f"{scope['scope']} {scope['name']}",
            "yes" if scope["may_read"] else "no, sealed to others",
            str(scope["present"]),
            str(scope["withheld"]),
            ", ".join(scope["readers"]),
        ]
        for scope in document["scopes"]
    ]
    say_table("sections by scope", _SCOPES, scopes)
    for ignored in document["ignored"]:
        of = f"of scope {ignored['scope']} by {ignored['author']}"
        if ignored["author"] is None:
            of = f"claimed by key {ignored['key']}"
        say(f"ignored: something {of}: {ignored['code']}")
