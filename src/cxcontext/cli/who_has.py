"""
``cxcontext who-has``: to whom a journey was handed, and who has added to it.

Reads a home in an SQLite file. Who has it is known without any private key:
the log is under the pepper, and the trail is signed.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from cxcontext.cli.arguments import (
    CommandError,
    Commands,
    add_json_argument,
    instant,
    now,
)
from cxcontext.cli.output import instant as shown
from cxcontext.cli.output import say, say_json, say_table
from cxcontext.cli.reading import read_key_set, read_vocabulary
from cxcontext.core.department import Department
from cxcontext.core.domain import TrustDomain
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.homes import Erasures, WhoHas
from cxcontext.stores.sqlite import SQLiteStore

_COLUMNS = ("department", "when", "known by", "scopes", "as journey")


class _NoVocabulary(Vocabulary, revision=0):
    """
    No field is read to see who has a journey.
    """


def add_to(commands: Commands) -> None:
    """
    Add the command to the command line.
    """
    parser = commands.add_parser(
        "who-has", help="say who has a journey; status 1 if that may not be all"
    )
    parser.add_argument("journey", metavar="JOURNEY", help="the journey's id")
    parser.add_argument(
        "--store", required=True, metavar="FILE", help="the home's SQLite file"
    )
    parser.add_argument(
        "--pepper",
        required=True,
        metavar="FILE",
        help="the home's pepper: the bytes of this file, all of them",
    )
    parser.add_argument(
        "--key-set", required=True, metavar="FILE", help="the domain's public key set"
    )
    parser.add_argument(
        "--pin", metavar="PIN", help="the domain's pin, where its key set is signed"
    )
    parser.add_argument(
        "--vocabulary",
        metavar="MODULE:CLASS|FILE",
        help="call scopes by the names that they have there",
    )
    parser.add_argument(
        "--at",
        type=instant,
        metavar="INSTANT",
        help="as of then, such as 2026-01-31T12:00:00Z",
    )
    add_json_argument(parser)
    parser.set_defaults(run=_who_has)


def _who_has(arguments: Namespace) -> int:
    department = _department(arguments)
    pepper = Path(arguments.pepper).read_bytes()
    # Else an empty store would be made, in which nobody has anything.
    if not Path(arguments.store).is_file():
        raise CommandError(f"{arguments.store}: there is no such file")
    store = SQLiteStore(arguments.store)
    try:
        erasures = Erasures(store, pepper=pepper)
        found = erasures.who_has(arguments.journey, department=department)
    finally:
        store.close()
    document = _document(found, department.vocabulary)
    if arguments.json:
        say_json(document)
    else:
        _print(document)
    return 0 if found.complete else 1


def _department(arguments: Namespace) -> Department[Any]:
    key_set = read_key_set(arguments.key_set, pin=arguments.pin)
    at = arguments.at or now()
    vocabulary: type[Vocabulary] = _NoVocabulary
    if arguments.vocabulary is not None:
        vocabulary = read_vocabulary(arguments.vocabulary)
    domain: TrustDomain[Any] = TrustDomain(
        key_set.domain, vocabulary, keys=key_set, clock=lambda: at
    )
    name = _internal(key_set)
    # With none of its keys: what rests at home is for every department to verify.
    return domain.department(
        name, keys=PrivateKeys(domain=key_set.domain, department=name)
    )


def _internal(key_set: KeySet) -> str:
    for name, entry in key_set.departments.items():
        if not entry.external:
            return name
    raise CommandError("the key set has no department that is not external")


def _document(found: WhoHas, vocabulary: type[Vocabulary]) -> dict[str, Any]:
    names = vocabulary.scopes_by_number
    return {
        "journey": found.journey_id,
        "complete": found.complete,
        "holders": [
            {
                "department": holder.department,
                "external": holder.external,
                "at": shown(holder.at),
                "source": holder.source.value,
                "scopes": [
                    {
                        "scope": number,
                        "name": names[number].name if number in names else None,
                    }
                    for number in holder.scopes
                ],
                "export": holder.export,
            }
            for holder in found.holders
        ],
    }


def _print(document: dict[str, Any]) -> None:
    rows = [
        [
            f"{holder['department']}{' (partner)' if holder['external'] else ''}",
            holder["at"],
            {"log": "handed to them", "trail": "added to it"}[holder["source"]],
            ", ".join(str(s["name"] or s["scope"]) for s in holder["scopes"]) or "-",
            holder["export"] or "-",
        ]
        for holder in document["holders"]
    ]
    say_table(f"who has journey {document['journey']}", _COLUMNS, rows)
    if not document["complete"]:
        say("incomplete: log and trail do not say everything; others may have it")
