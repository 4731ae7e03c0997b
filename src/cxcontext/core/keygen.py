"""
Make a domain's first keys.

What keeps them going is in `cxcontext.core.rotation`, and is offered here too.
The caller writes the files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import attrs

from cxcontext.core.key_material import generate_opening_key, generate_signer
from cxcontext.core.key_ring import KeyRing
from cxcontext.core.keys import KeySet
from cxcontext.core.limits import STATEMENT_LIFETIME
from cxcontext.core.rotation import (
    PUBLISH_AHEAD,
    SEAL_FOR,
    SIGN_FOR,
    add_department,
    give_generations,
    revoke,
    rotate_scope,
    rotate_signing,
)
from cxcontext.core.sealing import X25519, SuiteName
from cxcontext.core.signing import ED25519
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.typing import Random

__all__ = [
    "PUBLISH_AHEAD",
    "SEAL_FOR",
    "SIGN_FOR",
    "KeyRing",
    "add_department",
    "departments_of",
    "generate_keys",
    "generate_opening_key",
    "generate_signer",
    "give_generations",
    "keys_for",
    "readers_of",
    "revoke",
    "rotate_scope",
    "rotate_signing",
]


def generate_keys(
    *,
    domain: str,
    departments: Mapping[str, bool],
    readers: Mapping[int, Collection[str]],
    now: datetime,
    algorithm: int = ED25519,
    suites: Mapping[int, SuiteName] = MappingProxyType({}),
    statement_lifetime: timedelta = STATEMENT_LIFETIME,
    sign_for: timedelta = SIGN_FOR,
    seal_for: timedelta = SEAL_FOR,
    random: Random | None = None,
) -> KeyRing:
    """
    Return the first keys of a trust domain, usable from *now*; sequence 1.

    Args:
        domain: The trust domain's name.
        departments: By name, whether the department is external.
        readers: By scope number, the departments that read the scope.
        now: An aware instant.
        algorithm: That of every signing key, `ED25519` or `ESP256`.
        suites: By scope number, where it is not ``"X25519"``.
        statement_lifetime: The longest that a statement lives.
        sign_for: For how long the signing keys sign.
        seal_for: For how long writers seal to the first generations, which can
            be opened for *statement_lifetime* longer.
        random: For test vectors only.

    Raises:
        UsageError: When *now* is naive, when *algorithm* or a suite is none that
            there is, or when a scope has no readers.
        UnknownDepartmentError: When a reader is none of *departments*.
        KeySetError: When a name or a span cannot be in a key set.

    .. versionadded:: 0.1.0
    """
    empty = KeySet(
        domain=domain, sequence=0, departments={}, statement_lifetime=statement_lifetime
    )
    ring = KeyRing(public=empty, private={})
    for name, external in departments.items():
        ring = add_department(
            ring,
            name,
            external=external,
            now=now,
            algorithm=algorithm,
            publish_ahead=timedelta(0),
            sign_for=sign_for,
            random=random,
        )
    for scope, names in readers.items():
        ring = rotate_scope(
            ring,
            scope,
            readers=names,
            now=now,
            suite=suites.get(scope, X25519),
            seal_for=seal_for,
            random=random,
        )
    return attrs.evolve(ring, public=attrs.evolve(ring.public, sequence=1))


def keys_for(
    vocabulary: type[Vocabulary],
    *,
    domain: str,
    now: datetime,
    departments: Collection[str] = (),
    external: Collection[str] = (),
    sign_for: timedelta = SIGN_FOR,
    seal_for: timedelta = SEAL_FOR,
) -> KeyRing:
    """
    Return first keys for whoever a vocabulary names: for tests, and to begin with.

    ``cxcontext keys init`` writes such keys to files.

    Args:
        vocabulary: Its scopes say who reads what.
        domain: The trust domain's name.
        now: An aware instant, from which they are usable.
        departments: More departments, which the vocabulary does not name.
        external: Those of the departments that are partners, named there or not.
        sign_for: As in `generate_keys`.
        seal_for: As in `generate_keys`.

    Raises:
        UsageError: When *now* is naive, or a scope has no readers.
        KeySetError: When a name cannot be in a key set.

    Example:
        >>> from datetime import UTC, datetime
        >>> import cxcontext as cx
        >>> class Acme(cx.Vocabulary, revision=1):
        ...     contact = cx.Scope(1, readers={"sales", "billing"})
        ...     full_name = cx.Field(1, str, scope=contact)
        >>> ring = cx.keys_for(Acme, domain="acme.example", now=datetime.now(UTC))
        >>> acme = cx.TrustDomain("acme.example", Acme, keys=ring.public)
        >>> acme.department("sales", keys=ring.private["sales"]).name
        'sales'

    .. versionadded:: 0.1.0
    """
    return generate_keys(
        domain=domain,
        departments={
            name: name in external
            for name in sorted(departments_of(vocabulary).union(departments, external))
        },
        readers=readers_of(vocabulary),
        now=now,
        sign_for=sign_for,
        seal_for=seal_for,
    )


def departments_of(vocabulary: type[Vocabulary]) -> frozenset[str]:
    """
    Return whom a vocabulary names, in whatever role.
    """
    named: set[str] = set()
    for scope in vocabulary.scopes_by_number.values():
        named |= scope.readers | scope.writers
    for field in vocabulary.fields_by_number.values():
        named |= field.authority | field.verifiers
    return frozenset(named)


def readers_of(vocabulary: type[Vocabulary]) -> dict[int, frozenset[str]]:
    """
    Return who reads each scope, by its number.
    """
    scopes = vocabulary.scopes_by_number.values()
    return {scope.number: scope.readers for scope in scopes}
