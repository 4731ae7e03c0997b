"""
Erasable journeys: a second lock on every section, whose key can be deleted.

Protocol, section 7: a section's padded plaintext is first encrypted with
AES-256-GCM under HKDF-SHA256 of the journey's secret and the HPKE info, then
sealed as ever. Whoever deletes the secret makes every copy unreadable, also
those that are out of reach.

The core keeps no secret: it asks for it on every use, so that nothing here
outlives what `ErasureSecrets` publishes.
"""

from __future__ import annotations

from typing import Final

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cxcontext.errors import MissingKeyError, UnavailableError, UsageError
from cxcontext.hiding import unshown
from cxcontext.typing import ErasureSecrets

SECRET_BYTES: Final = 32
# NIST SP 800-38D, 5.2.1.1 and 5.2.1.2.
LOCK_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32


def lock(padded: bytes, *, secret: bytes, info: bytes, nonce: bytes) -> bytes:
    """
    Return what is *padded*, readable with the journey's secret only.

    Args:
        padded: The padded plaintext of a section.
        secret: The journey's.
        info: The HPKE info of the section.
        nonce: 12 random bytes. Not fixed ones: two forks may seal under the same
            header, and so under the same key.
    """
    return nonce + _cipher(secret, info).encrypt(nonce, padded, None)


def unlock(locked: bytes, *, secret: bytes, info: bytes) -> bytes:
    """
    Return what `lock` was given.

    Raises:
        cryptography.exceptions.InvalidTag: When it was locked with another secret
            or info, or not at all.
    """
    if len(locked) < LOCK_NONCE_BYTES + _TAG_BYTES:
        raise InvalidTag
    nonce, sealed = locked[:LOCK_NONCE_BYTES], locked[LOCK_NONCE_BYTES:]
    return _cipher(secret, info).decrypt(nonce, sealed, None)


def _cipher(secret: bytes, info: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), _KEY_BYTES, salt=None, info=info).derive(secret))


@attrs.frozen(repr=False, field_transformer=unshown)
class TrialSecrets:
    """
    For a trial that is thrown away: no secret is kept of a journey that it begins.
    """

    _secrets: ErasureSecrets

    def create(self, _journey_id: str) -> bytes:
        """
        Return what takes a secret's place.
        """
        return bytes(SECRET_BYTES)

    def find(self, journey_id: str) -> bytes | None:
        """
        Return the secret of a journey that has one.
        """
        return self._secrets.find(journey_id)


def find_secret(secrets: ErasureSecrets | None, journey_id: str) -> bytes | None:
    """
    Return a journey's secret; None where it cannot be had now, for whatever reason.

    Raises:
        UsageError: When *secrets* returns something that is no secret.
    """
    if secrets is None:
        return None
    try:
        secret = secrets.find(journey_id)
    # Being behind degrades: what was not read may be read a moment later.
    except UnavailableError:
        return None
    return None if secret is None else _checked(secret)


def sealing_secret(
    secrets: ErasureSecrets | None, journey_id: str, *, begins: bool
) -> bytes:
    """
    Return the secret with which a section is locked.

    Args:
        secrets: Those of the department that seals.
        journey_id: The journey's id, in hex.
        begins: Whether the journey's root is being sealed.

    Raises:
        MissingKeyError: When there is none: without it nothing may be sealed.
        UnavailableError: When *secrets* cannot be reached now.
        UsageError: When *secrets* returns something that is no secret.
    """
    secret = None
    if secrets is not None:
        secret = secrets.create(journey_id) if begins else secrets.find(journey_id)
    if secret is None:
        raise MissingKeyError(
            "this erasable journey's secret is not to be found here",
            "begin a new journey if it was erased; else pass the secrets of the home "
            "that it began at, TrustDomain.department(..., secrets=...)",
        )
    return _checked(secret)


def _checked(secret: bytes) -> bytes:
    if not isinstance(secret, bytes) or len(secret) != SECRET_BYTES:
        msg = f"an erasable journey's secret is {SECRET_BYTES} random bytes"
        raise UsageError(msg)
    return secret
