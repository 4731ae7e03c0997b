"""
``cxcontext verify``: whether a department would take an envelope, and from whom.

Only the public key set is needed. The checks and their order are the
receiver's own (protocol, section 2).
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from cxcontext.cli.arguments import (
    CommandError,
    Commands,
    add_envelope_arguments,
    add_json_argument,
    add_opening_arguments,
    now,
)
from cxcontext.cli.inspect import short, statements_document, withheld
from cxcontext.cli.output import instant, say, say_json, say_table
from cxcontext.cli.reading import read_envelope, read_key_set
from cxcontext.core.envelope import decode_envelope
from cxcontext.core.limits import DELIVERY_LIFETIME
from cxcontext.core.numeric_date import to_seconds
from cxcontext.core.statement import journey_id
from cxcontext.core.verified_cache import VerifiedCache
from cxcontext.core.verify import Expected, Verified, verify_envelope
from cxcontext.errors import VerificationError

_COLUMNS = ("statement", "department", "channel", "issued", "present", "withheld")


def add_to(commands: Commands) -> None:
    """
    Add the command to the command line.
    """
    parser = commands.add_parser(
        "verify", help="verify an envelope as a department would; status 1 if refused"
    )
    add_envelope_arguments(parser)
    parser.add_argument(
        "--for", required=True, dest="department", metavar="NAME", help="the receiver"
    )
    parser.add_argument(
        "--from-external",
        action="store_true",
        help="an external partner must have sent it, in answer to an export",
    )
    add_opening_arguments(parser)
    add_json_argument(parser)
    parser.set_defaults(run=_verify)


def _verify(arguments: Namespace) -> int:
    key_set = read_key_set(arguments.key_set, pin=arguments.pin)
    if arguments.department not in key_set.departments:
        known = ", ".join(key_set.departments)
        msg = f"no department {arguments.department} in the key set; it has {known}"
        raise CommandError(msg)
    raw = read_envelope(arguments)
    lifetime = arguments.max_lifetime or DELIVERY_LIFETIME
    binding = arguments.binding
    try:
        envelope = decode_envelope(raw)
        verified = verify_envelope(
            envelope,
            domain=key_set.domain,
            key_set=key_set,
            expected=Expected(
                department=arguments.department,
                rests=envelope.delivery.rests,
                max_lifetime_s=int(lifetime.total_seconds()),
                binding=None if binding is None else binding.encode(),
                reply_to=arguments.reply_to,
                from_external=arguments.from_external,
            ),
            now_s=to_seconds(arguments.at or now()),
            cache=VerifiedCache(),
        )
    except VerificationError as error:
        if arguments.json:
            say_json(refusal(error))
        raise
    document = _document(verified, key_set.domain)
    if arguments.json:
        shape = {s["id"]: s for s in statements_document(envelope)}
        for statement in document["statements"]:
            statement.update(shape[statement["id"]])
        say_json(document)
        return 0
    say(
        f"verified for {arguments.department}: journey {document['journey']}, sent by "
        f"{document['sender']}, arrival {document['arrival']}"
    )
    say_table("statements", _COLUMNS, _rows(verified))
    for left_out in document["left_out"]:
        say(
            f"left out: a statement claimed by key {left_out['key']}: {left_out['code']}"
        )
    return 0


def refusal(error: VerificationError) -> dict[str, Any]:
    """
    Return what machines are told of a refusal.
    """
    return {"verified": False, "code": error.code, "message": str(error)}


def _document(verified: Verified, domain: str) -> dict[str, Any]:
    return {
        "verified": True,
        "journey": journey_id(domain=domain, root=verified.root).hex(),
        "sender": verified.sender,
        "arrival": verified.delivery.arrival.name,
        "rests": verified.delivery.rests,
        "statements": [
            {"id": short(statement.id), "department": author}
            for statement, author in zip(
                verified.statements, verified.authors, strict=True
            )
        ],
        "left_out": [
            {"key": out.key_id, "code": out.code} for out in verified.left_out
        ],
    }


def _rows(verified: Verified) -> list[list[str]]:
    return [
        [
            short(statement.id),
            author or f"unknown key {statement.key_id.hex()}",
            statement.channel,
            instant(statement.issued_s),
            ", ".join(map(str, statement.sections)) or "-",
            ", ".join(map(str, withheld(statement))) or "-",
        ]
        for statement, author in zip(verified.statements, verified.authors, strict=True)
    ]
