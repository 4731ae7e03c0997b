"""
The public key set: who the departments are, and how to seal for a scope.

Protocol, section 3. A key set is a file that every department has, or comes
from a `cxcontext.typing.KeySource`; this module parses it and reads at most a
local file. Where others could exchange it, it is signed by a pinned domain key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta
from os import PathLike
from types import MappingProxyType
from typing import Any, ClassVar, Self

import attrs

from cxcontext.core import jwk, jws, key_json
from cxcontext.core.department_keys import (
    DepartmentKeys,
    SigningKeyEntry,
    check_department_name,
    check_domain_name,
)
from cxcontext.core.key_json import MAX_KEYS, Members, at
from cxcontext.core.limits import STATEMENT_LIFETIME
from cxcontext.core.numeric_date import LATEST, to_seconds
from cxcontext.core.private_keys import PrivateKeys
from cxcontext.core.sealing import SealingKey
from cxcontext.errors import KeySetError, KeySetRollbackError
from cxcontext.pickling import NotPicklable
from cxcontext.typing import Signer

__all__ = ["DepartmentKeys", "KeySet", "PrivateKeys", "SigningKeyEntry"]


def _read_only(
    departments: Mapping[str, DepartmentKeys],
) -> Mapping[str, DepartmentKeys]:
    return MappingProxyType(dict(departments))


@attrs.frozen(kw_only=True)
class KeySet(NotPicklable):
    """
    The public keys of a trust domain. Contains nothing secret.

    Args:
        domain: The trust domain's name, 1 to 255 of ``a-z 0-9 . _ -``. It is
            bound into every signature and section.
        sequence: Raised by one with every change. A lower one than seen is refused.
        departments: By name, in the order of the file.
        sealing_keys: Of every scope, any number of generations.
        statement_lifetime: The longest that a statement lives, in whole seconds.
            Every signing key verifies at least that long after its last
            signing instant.
        pinned_to: The pin that the set was read with, by `from_json`.

    Raises:
        KeySetError: When the domain's name is not one; when a name or key is
            entered twice; when a key id or a scope's generation stands twice;
            when one scope key stands for two of them; when a key stops
            verifying too early; with more than 4096 keys.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "pickle its to_json() instead"

    domain: str
    sequence: int
    departments: Mapping[str, DepartmentKeys] = attrs.field(
        converter=_read_only, hash=False, repr=lambda departments: str([*departments])
    )
    sealing_keys: tuple[SealingKey, ...] = attrs.field(default=(), repr=False)
    statement_lifetime: timedelta = STATEMENT_LIFETIME
    pinned_to: str | None = attrs.field(default=None, eq=False, repr=False)
    _signing_keys: Mapping[bytes, SigningKeyEntry] = attrs.field(
        init=False, eq=False, repr=False
    )
    _generations: Mapping[tuple[int, int], SealingKey] = attrs.field(
        init=False, eq=False, repr=False
    )
    _newest: Mapping[int, SealingKey] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        _check_settings(self)
        signing_keys: dict[bytes, SigningKeyEntry] = {}
        for entry in _entries(self):
            if entry.key.key_id in signing_keys:
                raise KeySetError(f"key {entry.key.key_id.hex()} is entered twice")
            signing_keys[entry.key.key_id] = entry
        generations: dict[tuple[int, int], SealingKey] = {}
        newest: dict[int, SealingKey] = {}
        for key in self.sealing_keys:
            if (key.scope, key.generation) in generations:
                what = f"generation {key.generation} of scope {key.scope}"
                raise KeySetError(f"{what} is entered twice")
            generations[key.scope, key.generation] = key
            if key.generation >= newest.setdefault(key.scope, key).generation:
                newest[key.scope] = key
        if len({key.public_bytes for key in self.sealing_keys}) < len(generations):
            raise KeySetError("one scope key is entered for two generations")
        if len(signing_keys) + len(generations) > MAX_KEYS:
            raise KeySetError(f"more than {MAX_KEYS} keys")
        object.__setattr__(self, "_signing_keys", signing_keys)
        object.__setattr__(self, "_generations", generations)
        object.__setattr__(self, "_newest", newest)

    @classmethod
    def from_json(cls, text: str | bytes, *, pin: str | None = None) -> Self:
        """
        Return the key set that *text* is.

        Args:
            text: The JSON of the set, or of a JWS around it.
            pin: The domain's public Ed25519 key, as base64url without padding
                of its 32 bytes. With it, only a set that this key has signed is
                read. Without it a signature is not looked at.

        Raises:
            UsageError: When *pin* is not a usable Ed25519 key.
            KeySetUnsignedError: When there is a *pin* and the set is not signed, not
                by this key, or was changed after it was signed.
            KeySetError: When *text* is over 1 MiB, not strict JSON, not a key
                set, holds a private key, or contradicts itself as in the class.
        """
        domain_key = None if pin is None else jws.pinned_key(pin)
        document = key_json.parse(text)
        if domain_key is not None:
            document = key_json.parse(jws.verified_payload(document, domain_key))
        elif jws.is_signed(document):
            document = key_json.parse(jws.payload_of(document))
        if "department" in document:
            raise KeySetError(
                "these are a department's PRIVATE keys; load them with "
                "PrivateKeys.load(), and the public file with KeySet.load()"
            )
        return cls(
            domain=key_json.text(document, "domain"),
            sequence=key_json.integer(document, "sequence"),
            departments=_departments(document),
            sealing_keys=key_json.each(document, "scopes", jwk.sealing_key),
            statement_lifetime=_statement_lifetime(document),
            pinned_to=pin,
        )

    @classmethod
    def load(cls, path: str | PathLike[str], *, pin: str | None = None) -> Self:
        """
        Return the key set in the file at *path*.

        Raises:
            OSError: When the file cannot be read.
            UsageError: As `from_json`.
            KeySetUnsignedError: As `from_json`.
            KeySetError: As `from_json`.
        """
        return cls.from_json(key_json.read(path), pin=pin)

    def to_json(self) -> str:
        """
        Return what `from_json` reads, unsigned: indented, the same for equal sets.
        """
        departments = {
            name: {
                "external": department.external,
                "keys": [jwk.signing_entry_jwk(entry) for entry in department.keys],
            }
            for name, department in self.departments.items()
        }
        document = {
            "domain": self.domain,
            "sequence": self.sequence,
            "statement_lifetime_seconds": _whole_seconds(self.statement_lifetime),
            "departments": departments,
            "scopes": [jwk.sealing_key_jwk(key) for key in self.sealing_keys],
        }
        return json.dumps(document, indent=2) + "\n"

    def sign(self, domain_key: Signer) -> str:
        """
        Return the set signed by *domain_key*, as `from_json` reads it with a pin.

        Raises:
            UsageError: When *domain_key* is not an Ed25519 one.
        """
        return jws.sign(self.to_json(), domain_key)

    def signing_key(self, key_id: bytes) -> SigningKeyEntry | None:
        """
        Return the entry of *key_id*, or None when the set has none.
        """
        return self._signing_keys.get(key_id)

    def knows(self, key_ids: AbstractSet[bytes]) -> bool:
        """
        Whether the set has all of these signing keys.
        """
        return key_ids <= self._signing_keys.keys()

    def sealing_key(self, scope: int, *, now: int) -> SealingKey | None:
        """
        Return the newest generation of *scope*, or None when it seals no more.

        An older generation is never returned, even one that could still seal:
        a department that is no reader any more may hold it.

        Args:
            scope: The scope's number.
            now: The writer's clock, as NumericDate seconds.
        """
        key = self._newest.get(scope)
        return key if key is not None and key.seals_at(now) else None

    def sealing_generation(self, scope: int, generation: int) -> SealingKey | None:
        """
        Return that *generation* of *scope*, whatever the time, or None.
        """
        return self._generations.get((scope, generation))

    def check_successor(self, newer: KeySet) -> None:
        """
        Return if *newer* may take this set's place.

        Raises:
            KeySetRollbackError: When its sequence number is lower.
            KeySetError: When it is of another domain, or has given a key id to
                another department.
        """
        if newer.domain != self.domain:
            raise KeySetError("the newer key set is of another domain")
        if newer.sequence < self.sequence:
            raise KeySetRollbackError(newer.sequence, self.sequence)
        for key_id, entry in newer._signing_keys.items():
            before = self._signing_keys.get(key_id)
            if before is not None and before.department != entry.department:
                moved = f"from {before.department} to {entry.department}"
                raise KeySetError(f"key {key_id.hex()} has moved {moved}")


def _whole_seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)


def _entries(key_set: KeySet) -> Iterator[SigningKeyEntry]:
    for department in key_set.departments.values():
        yield from department.keys


def _check_settings(key_set: KeySet) -> None:
    check_domain_name(key_set.domain)
    lifetime = _whole_seconds(key_set.statement_lifetime)
    if not 0 < lifetime <= LATEST or key_set.statement_lifetime.microseconds:
        raise KeySetError("the statement lifetime is not a number of whole seconds")
    for name, department in key_set.departments.items():
        if department.name != name:
            raise KeySetError(f"department {department.name} is entered as another")
    for entry in _entries(key_set):
        verifies = to_seconds(entry.verify_until) - to_seconds(entry.sign_until)
        if verifies < lifetime:
            key_id = entry.key.key_id.hex()
            raise KeySetError(
                f"key {key_id} stops verifying before the last statement expires"
            )


def _departments(document: Members) -> dict[str, DepartmentKeys]:
    departments = {}
    with at("departments"):
        entries = key_json.members_of(document.get("departments"))
    for name, value in entries.items():
        check_department_name(name)
        with at(name):
            departments[name] = _department(name, key_json.members_of(value))
    return departments


def _department(name: str, members: Members) -> DepartmentKeys:
    external = key_json.boolean(members, "external")

    def entry(members: Mapping[str, Any]) -> SigningKeyEntry:
        return jwk.signing_entry(members, department=name, external=external)

    keys = key_json.each(members, "keys", entry)
    return DepartmentKeys(name=name, external=external, keys=keys)


def _statement_lifetime(document: Members) -> timedelta:
    name = "statement_lifetime_seconds"
    if name not in document:
        return STATEMENT_LIFETIME
    return timedelta(seconds=key_json.seconds(document, name))
