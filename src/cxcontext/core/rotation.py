"""
Rotate, add, give and revoke keys: from a key ring and an instant to the next.

Protocol, section 3. Old keys keep their windows, and every change of the public
key set raises its sequence number by one. Nothing here writes a file.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import attrs

from cxcontext.core.department_keys import DepartmentKeys, SigningKeyEntry
from cxcontext.core.key_material import generate_opening_key, generate_signer
from cxcontext.core.key_ring import KeyRing
from cxcontext.core.numeric_date import to_seconds, whole_seconds
from cxcontext.core.private_keys import PrivateKeys
from cxcontext.core.sealing import X25519, OpeningKey, SealingKey, SuiteName
from cxcontext.core.signing import ED25519, VerifyingKey
from cxcontext.errors import MissingKeyError, UsageError
from cxcontext.typing import Random

SIGN_FOR: Final = timedelta(days=90)
SEAL_FOR: Final = timedelta(days=30)
PUBLISH_AHEAD: Final = timedelta(hours=1)


def add_department(
    ring: KeyRing,
    department: str,
    *,
    external: bool,
    now: datetime,
    algorithm: int = ED25519,
    publish_ahead: timedelta = PUBLISH_AHEAD,
    sign_for: timedelta = SIGN_FOR,
    random: Random | None = None,
) -> KeyRing:
    """
    Return *ring* with one department more, which has a signing key and no scope.

    Args:
        ring: Is not changed.
        department: Its name.
        external: Whether it is a partner's.
        now: An aware instant.
        algorithm: `ED25519` or `ESP256`.
        publish_ahead: As in `rotate_signing`.
        sign_for: For how long the key signs.
        random: For test vectors only.

    Raises:
        UsageError: When the department is there already, *now* is naive, or
            *algorithm* is neither.
        KeySetError: When the name is not one.

    .. versionadded:: 0.1.0
    """
    if department in ring.public.departments:
        raise UsageError(f"{department} has keys already; use rotate_signing()")
    signer = generate_signer(algorithm=algorithm, random=random)
    entry = _entry(
        ring,
        department,
        external=external,
        key=signer.verifying_key,
        not_before=now + publish_ahead,
        sign_for=sign_for,
    )
    added = DepartmentKeys(name=department, external=external, keys=(entry,))
    private = PrivateKeys(
        domain=ring.public.domain, department=department, signers=(signer,)
    )
    return ring.successor(departments=[added], private=[private])


def rotate_signing(
    ring: KeyRing,
    department: str,
    *,
    now: datetime,
    algorithm: int = ED25519,
    publish_ahead: timedelta = PUBLISH_AHEAD,
    sign_for: timedelta = SIGN_FOR,
    key: VerifyingKey | None = None,
    random: Random | None = None,
) -> KeyRing:
    """
    Return *ring* with one signing key more for *department*.

    The old keys keep their windows. Whoever signs takes the key that began last.

    Args:
        ring: Is not changed.
        department: Whose key.
        now: An aware instant.
        algorithm: `ED25519` or `ESP256`.
        publish_ahead: How long after *now* the key's first use is. At least the
            interval at which readers refresh their key set (protocol, section 3).
        sign_for: For how long the key signs.
        key: The public half of a key in a KMS or HSM, instead of making one.
            Then *algorithm* is the key's, and no private keys change.
        random: For test vectors only.

    Raises:
        UnknownDepartmentError: When the key set has no such department.
        MissingKeyError: When its private keys are not in *ring* and no *key* is
            given.
        UsageError: When *now* is naive or *algorithm* is neither.
        KeySetError: When *key* is in the key set already.

    .. versionadded:: 0.1.0
    """
    before = ring.department(department)
    private = []
    if key is None:
        signer = generate_signer(algorithm=algorithm, random=random)
        key = signer.verifying_key
        held = ring.private_keys(department)
        private = [attrs.evolve(held, signers=(*held.signers, signer))]
    entry = _entry(
        ring,
        department,
        external=before.external,
        key=key,
        not_before=now + publish_ahead,
        sign_for=sign_for,
    )
    after = attrs.evolve(before, keys=(*before.keys, entry))
    return ring.successor(departments=[after], private=private)


def rotate_scope(
    ring: KeyRing,
    scope: int,
    *,
    readers: Collection[str],
    now: datetime,
    suite: SuiteName | None = None,
    seal_for: timedelta = SEAL_FOR,
    random: Random | None = None,
) -> KeyRing:
    """
    Return *ring* with a new generation of *scope*, given to *readers* alone.

    From then on writers seal to it. Opening keys that are past their
    ``open_until`` are removed from all private keys of the ring; older ones
    stay, and a department that is no reader any more keeps what it could read.

    Args:
        ring: Is not changed.
        scope: A scope's number; a new scope begins with generation 1.
        readers: Departments that read it from now on.
        now: An aware instant.
        suite: As that of the generation before, unless given; ``"X25519"`` at first.
        seal_for: For how long writers seal to it. It can be opened for the domain's
            statement lifetime longer.
        random: For test vectors only.

    Raises:
        UnknownDepartmentError: When a reader is not in the key set.
        MissingKeyError: When a reader's private keys are not in *ring*.
        UsageError: When *now* is naive, *suite* is neither, or nobody would read.

    .. versionadded:: 0.1.0
    """
    if not readers:
        raise UsageError(f"nobody would read scope {scope}; name at least one reader")
    newest = _newest(ring, scope)
    if suite is None:
        suite = X25519 if newest is None else newest.suite
    seal_until = whole_seconds(now) + seal_for
    opening = generate_opening_key(
        scope=scope,
        generation=1 if newest is None else newest.generation + 1,
        open_until=seal_until + ring.public.statement_lifetime,
        suite=suite,
        random=random,
    )
    sealing = SealingKey(
        scope=scope,
        generation=opening.generation,
        seal_until=seal_until,
        open_until=opening.open_until,
        suite=suite,
        public_bytes=opening.public_bytes,
    )
    given = [_given(ring, name, [opening]) for name in sorted(set(readers))]
    return _without_expired(
        ring.successor(
            sealing_keys=(*ring.public.sealing_keys, sealing), private=given
        ),
        now=to_seconds(now),
    )


def give_generations(
    ring: KeyRing, scope: int, *, generations: Collection[int], to: str
) -> KeyRing:
    """
    Return *ring* with existing generations of *scope* given to one more reader.

    It can then open what was sealed before it became one. The public key set
    does not change, and nor does its sequence number.

    Args:
        ring: Is not changed.
        scope: The scope's number.
        generations: Which of them.
        to: The department that is to read.

    Raises:
        UnknownDepartmentError: When *to* is not in the key set.
        MissingKeyError: When the private keys of *to* are not in *ring*, or nobody in
            it holds one of the generations.

    .. versionadded:: 0.1.0
    """
    held = {
        key.generation: key
        for keys in ring.private.values()
        for key in keys.opening_keys
        if key.scope == scope
    }
    missing = sorted(set(generations) - held.keys())
    if missing:
        what = f"generation {missing[0]} of scope {scope}"
        raise MissingKeyError(f"the private key of {what} is not at hand")
    chosen = [held[generation] for generation in sorted(set(generations))]
    return ring.holding([_given(ring, to, chosen)])


def revoke(ring: KeyRing, key_id: bytes, *, now: datetime) -> KeyRing:
    """
    Return *ring* with the signing key revoked: nothing signed with it counts.

    A key that is revoked already stays as it is, and so does *ring*.

    Args:
        ring: Is not changed.
        key_id: Of the key.
        now: An aware instant, noted in the key set. Statements signed before it
            do not count either.

    Raises:
        MissingKeyError: When the key set has no such key.
        UsageError: When *now* is naive.

    .. versionadded:: 0.1.0
    """
    entry = ring.public.signing_key(key_id)
    if entry is None:
        raise MissingKeyError(f"key {key_id.hex()} is not in the key set")
    if entry.revoked_at is not None:
        return ring
    revoked = attrs.evolve(entry, revoked_at=now)
    before = ring.department(entry.department)
    keys = tuple(revoked if known is entry else known for known in before.keys)
    return ring.successor(departments=[attrs.evolve(before, keys=keys)])


def _entry(
    ring: KeyRing,
    department: str,
    *,
    external: bool,
    key: VerifyingKey,
    not_before: datetime,
    sign_for: timedelta,
) -> SigningKeyEntry:
    not_before = whole_seconds(not_before)
    sign_until = not_before + sign_for
    return SigningKeyEntry(
        department=department,
        external=external,
        key=key,
        not_before=not_before,
        sign_until=sign_until,
        # Protocol, section 3: the last statement signed must stay verifiable.
        verify_until=whole_seconds(sign_until) + ring.public.statement_lifetime,
    )


def _newest(ring: KeyRing, scope: int) -> SealingKey | None:
    generations = [key for key in ring.public.sealing_keys if key.scope == scope]
    return max(generations, key=lambda key: key.generation, default=None)


def _given(ring: KeyRing, department: str, keys: Collection[OpeningKey]) -> PrivateKeys:
    private = ring.private_keys(department)
    added = tuple(key for key in keys if key not in private.opening_keys)
    return attrs.evolve(private, opening_keys=(*private.opening_keys, *added))


def _without_expired(ring: KeyRing, *, now: int) -> KeyRing:
    # A scope's newest generation stays, so that its number is not given again.
    newest = {key.scope: _newest(ring, key.scope) for key in ring.public.sealing_keys}
    sealing_keys = tuple(
        key
        for key in ring.public.sealing_keys
        if now < to_seconds(key.open_until) or key is newest[key.scope]
    )
    private = [keys.without_expired(now=now) for keys in ring.private.values()]
    public = attrs.evolve(ring.public, sealing_keys=sealing_keys)
    return ring.holding(private, public=public)
