"""
``cxcontext inspect``: the structure of an envelope, without keys or values.

All of it is claimed: nothing is verified here.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from cxcontext.cli.arguments import (
    Commands,
    add_envelope_arguments,
    add_json_argument,
)
from cxcontext.cli.output import instant, say, say_json, say_table
from cxcontext.cli.reading import read_envelope
from cxcontext.core.delivery import Delivery
from cxcontext.core.envelope import Envelope, decode_envelope
from cxcontext.core.statement import (
    FLAG_ACCEPTED,
    FLAG_ERASABLE,
    FLAG_EXPORT,
    FLAG_HINT,
    FLAG_POSSESSION,
    Statement,
    parse_section,
)

ID_CHARS = 8
_FLAGS = {
    FLAG_POSSESSION: "under possession",
    FLAG_HINT: "under a hint",
    FLAG_EXPORT: "export",
    FLAG_ACCEPTED: "accepted",
    FLAG_ERASABLE: "erasable",
}
_COLUMNS = (
    *("statement", "builds upon", "key", "issued", "expires", "channel"),
    *("revision", "present", "withheld", "clear fields", "flags"),
)


def add_to(commands: Commands) -> None:
    """
    Add the command to the command line.
    """
    parser = commands.add_parser(
        "inspect", help="show an envelope's structure: no keys needed, no values shown"
    )
    add_envelope_arguments(parser)
    add_json_argument(parser)
    parser.set_defaults(run=_inspect)


def _inspect(arguments: Namespace) -> int:
    envelope = decode_envelope(read_envelope(arguments))
    document = {
        "claimed": True,
        "bytes": len(bytes(envelope)),
        "statements": statements_document(envelope),
        "delivery": delivery_document(envelope.delivery),
    }
    if arguments.json:
        say_json(document)
        return 0
    count = len(envelope.statements)
    say(f"envelope of {document['bytes']} bytes, {count} statements")
    say("claimed throughout: nothing here was verified; see `cxcontext verify`")
    say_table("statements (claimed)", _COLUMNS, statement_rows(envelope))
    say(f"delivery (claimed): {delivery_line(envelope.delivery)}")
    return 0


def statements_document(envelope: Envelope) -> list[dict[str, Any]]:
    """
    Return the statements for machines, parents first.
    """
    heads = {envelope.graph.order[position] for position in envelope.graph.heads}
    return [
        {
            "id": short(statement.id),
            "parents": [short(parent) for parent in statement.parents],
            "head": statement.id in heads,
            "key": statement.key_id.hex(),
            "issued": instant(statement.issued_s),
            "expires": instant(statement.expires_s),
            "channel": statement.channel,
            "revision": statement.revision,
            "present": [
                {
                    "scope": scope,
                    "generation": parse_section(raw)[0],
                    "bytes": len(raw),
                }
                for scope, raw in statement.sections.items()
            ],
            "withheld": withheld(statement),
            "clear_fields": [fact.field for fact in statement.clear],
            "flags": flags(statement),
        }
        for statement in envelope.statements
    ]


def statement_rows(envelope: Envelope) -> list[list[str]]:
    """
    Return the statements for people.
    """
    rows = []
    for statement in statements_document(envelope):
        present = [
            f"{s['scope']} ({s['bytes']} bytes, generation {s['generation']})"
            for s in statement["present"]
        ]
        rows.append(
            [
                f"{statement['id']}{' (head)' if statement['head'] else ''}",
                ", ".join(statement["parents"]) or "nothing: the root",
                statement["key"],
                statement["issued"],
                statement["expires"],
                statement["channel"],
                str(statement["revision"]),
                ", ".join(present) or "-",
                listed(statement["withheld"]),
                listed(statement["clear_fields"]),
                ", ".join(statement["flags"]) or "-",
            ]
        )
    return rows


def delivery_document(delivery: Delivery) -> dict[str, Any]:
    """
    Return the delivery for machines.
    """
    expires_s = delivery.expires_s
    return {
        "id": delivery.id.hex(),
        "key": delivery.key_id.hex(),
        "audience": delivery.audience,
        "issued": instant(delivery.issued_s),
        "expires": None if expires_s is None else instant(expires_s),
        "rests": delivery.rests,
        "arrival": delivery.arrival.name,
        "reply_to": None if delivery.reply_to is None else delivery.reply_to.hex(),
        "bound": delivery.binding is not None,
    }


def delivery_line(delivery: Delivery) -> str:
    """
    Return the delivery for people.
    """
    said = delivery_document(delivery)
    until = "for rest" if said["rests"] else f"expires {said['expires']}"
    parts = [
        f"{said['id']} by key {said['key']}",
        f"for {said['audience']}",
        f"issued {said['issued']}",
        until,
        f"arrival {said['arrival']}",
    ]
    if said["reply_to"] is not None:
        parts.append(f"answers {said['reply_to']}")
    if said["bound"]:
        parts.append("bound to a message")
    return ", ".join(parts)


def short(identifier: bytes) -> str:
    """
    Return as much of an id as tells it apart.
    """
    return identifier.hex()[:ID_CHARS]


def withheld(statement: Statement) -> list[int]:
    """
    Return the scopes of which only the digest is here.
    """
    return [scope for scope in statement.digests if scope not in statement.sections]


def flags(statement: Statement) -> list[str]:
    """
    Return the statement's flags in words.
    """
    return [word for flag, word in _FLAGS.items() if statement.flags & flag]


def listed(numbers: list[int]) -> str:
    """
    Return numbers for a cell.
    """
    return ", ".join(map(str, numbers)) or "-"
