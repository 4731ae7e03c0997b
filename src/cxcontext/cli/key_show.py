"""
``cxcontext keys show``: whose keys there are, and when they count.

Windows, key ids and thumbprints; never private material.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cxcontext.cli.arguments import CommandError, Commands, add_json_argument, now
from cxcontext.cli.key_files import SUFFIX, read_domain_key
from cxcontext.cli.output import instant, say, say_json, say_table
from cxcontext.cli.reading import read_key_set, read_private_keys
from cxcontext.core import base64url, jws, key_json
from cxcontext.core.keys import KeySet, PrivateKeys, SigningKeyEntry
from cxcontext.core.numeric_date import to_seconds
from cxcontext.core.sealing import SealingKey
from cxcontext.core.signing import ED25519, VerifyingKey
from cxcontext.errors import KeySetError

_SIGNING = (
    *("department", "key", "algorithm", "signs", "signs from"),
    *("signs until", "verifies until", "thumbprint"),
)
_SEALING = ("scope", "generation", "suite", "seals", "seals until", "opens until")


def add_to(actions: Commands) -> None:
    """
    Add the command to its group.
    """
    parser = actions.add_parser("show", help="show whose keys there are, until when")
    parser.add_argument(
        "paths", nargs="+", metavar="DIR|FILE", help="key files, public or private"
    )
    parser.add_argument("--pin", metavar="PIN", help="check signed key sets with it")
    add_json_argument(parser)
    parser.set_defaults(run=_show)


def _show(arguments: Namespace) -> int:
    now_s = to_seconds(now())
    documents: list[dict[str, Any]] = []
    for path in _files(arguments.paths):
        members = _members(path)
        if "departments" in members or jws.is_signed(members):
            signed = jws.is_signed(members)
            key_set = read_key_set(str(path), pin=arguments.pin)
            state = "unsigned"
            if signed:
                state = "signed, checked" if arguments.pin else "signed, not checked"
            documents.append(_public(path, key_set, state, now_s))
        elif "department" in members:
            documents.append(_private(path, read_private_keys(str(path))))
        else:
            domain_key = read_domain_key(str(path)).verifying_key
            documents.append({"file": str(path), "pin": jws.pin_of(domain_key)})
    if arguments.json:
        say_json(documents)
        return 0
    for document in documents:
        if "sequence" in document:
            say(
                f"{document['file']}: key set {document['sequence']} of "
                f"{document['domain']}, {document['signature']}"
            )
            _tables(document)
        elif "pin" in document:
            say(f"{document['file']}: domain key, pin {document['pin']}")
        else:
            say(
                f"{document['file']}: private keys of {document['department']} at "
                f"{document['domain']}: signs with "
                f"{', '.join(document['signs_with']) or 'nothing here'}; opens "
                f"{', '.join(document['opens']) or 'no scope'}"
            )
    return 0


def _files(paths: Iterable[str]) -> Iterable[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(path.glob(f"*{SUFFIX}"))
            if not found:
                msg = f"{path} has no *{SUFFIX}; make keys with `cxcontext keys init`"
                raise CommandError(msg)
            yield from found
        else:
            yield path


def _members(path: Path) -> key_json.Members:
    try:
        return key_json.parse(key_json.read(path))
    except KeySetError as error:
        raise CommandError(f"{path}: {error.what}; it is no key file") from None


def _public(path: Path, key_set: KeySet, state: str, now_s: int) -> dict[str, Any]:
    return {
        "file": str(path),
        "domain": key_set.domain,
        "sequence": key_set.sequence,
        "signature": state,
        "departments": [
            _entry(entry, now_s)
            for department in key_set.departments.values()
            for entry in department.keys
        ],
        "scopes": [_sealing(key, now_s) for key in key_set.sealing_keys],
    }


def _entry(entry: SigningKeyEntry, now_s: int) -> dict[str, Any]:
    state = "now" if entry.signs_at(now_s) else "no more"
    if entry.revoked_at is not None:
        state = f"revoked {instant(entry.revoked_at)}"
    elif now_s < to_seconds(entry.not_before):
        state = "not yet"
    return {
        "department": entry.department,
        "external": entry.external,
        "key": entry.key.key_id.hex(),
        "algorithm": "Ed25519" if entry.key.algorithm == ED25519 else "ESP256",
        "signs": state,
        "signs from": instant(entry.not_before),
        "signs until": instant(entry.sign_until),
        "verifies until": instant(entry.verify_until),
        "thumbprint": _thumbprint(entry.key),
    }


def _thumbprint(key: VerifyingKey) -> str:
    # RFC 7638, section 3: the members in order, without white space.
    members = json.dumps(
        key.thumbprint_members, sort_keys=True, separators=(",", ":")
    ).encode()
    return base64url.encode(sha256(members).digest())


def _sealing(key: SealingKey, now_s: int) -> dict[str, Any]:
    return {
        "scope": key.scope,
        "generation": key.generation,
        "suite": key.suite,
        "seals": "now" if key.seals_at(now_s) else "no more",
        "seals until": instant(key.seal_until),
        "opens until": instant(key.open_until),
    }


def _private(path: Path, keys: PrivateKeys) -> dict[str, Any]:
    return {
        "file": str(path),
        "domain": keys.domain,
        "department": keys.department,
        "signs_with": [signer.key_id.hex() for signer in keys.signers],
        "opens": [
            f"scope {key.scope} generation {key.generation}"
            for key in keys.opening_keys
        ],
    }


def _tables(document: dict[str, Any]) -> None:
    rows = []
    for entry in document["departments"]:
        name = f"{entry['department']}{' (external)' if entry['external'] else ''}"
        rows.append([name, *(str(entry[column]) for column in _SIGNING[1:])])
    say_table("signing keys", _SIGNING, rows)
    rows = [[str(key[column]) for column in _SEALING] for key in document["scopes"]]
    say_table("scope keys", _SEALING, rows)
