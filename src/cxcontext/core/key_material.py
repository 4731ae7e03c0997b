"""
New private keys, the only place of the core where randomness comes from.

It is that of the ``cryptography`` library's own generate functions, unless *random*
is given: test vectors need fixed keys. Production never passes it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cxcontext.core.sealing import (
    MLKEM768_X25519,
    MLKEM_SEED_BYTES,
    X25519,
    X25519_BYTES,
    OpeningKey,
    SuiteName,
)
from cxcontext.core.signing import (
    ED25519,
    ESP256,
    P256_ORDER,
    PRIVATE_BYTES,
    LocalSigner,
)
from cxcontext.errors import UsageError
from cxcontext.typing import Random

# FIPS 186-5, appendix A.2.1: 64 bits more than the order has.
_P256_RANDOM_BYTES: Final = 40


def generate_signer(
    *, algorithm: int = ED25519, random: Random | None = None
) -> LocalSigner:
    """
    Return a new signing key: a department's, or the domain key of a pin.

    Args:
        algorithm: `ED25519` or `ESP256`. A domain key is Ed25519.
        random: For test vectors only.

    Raises:
        UsageError: When *algorithm* is neither.

    .. versionadded:: 0.1.0
    """
    if algorithm not in (ED25519, ESP256):
        raise UsageError(
            "the algorithm is neither ED25519 nor ESP256; pass one of them"
        )
    if random is None:
        if algorithm == ED25519:
            return LocalSigner(Ed25519PrivateKey.generate())
        return LocalSigner(generate_private_key(SECP256R1()))

    if algorithm == ED25519:
        data = random(PRIVATE_BYTES)
    else:
        number = int.from_bytes(random(_P256_RANDOM_BYTES)) % (P256_ORDER - 1) + 1
        data = number.to_bytes(PRIVATE_BYTES)
    return LocalSigner.from_private_bytes(algorithm, data)


def generate_opening_key(
    *,
    scope: int,
    generation: int,
    open_until: datetime,
    suite: SuiteName = X25519,
    random: Random | None = None,
) -> OpeningKey:
    """
    Return a new private key of one generation of one scope.

    Args:
        scope: The scope's number.
        generation: 0 or more.
        open_until: When it is to be destroyed.
        suite: ``"X25519"`` or ``"MLKEM768-X25519"``.
        random: For test vectors only.

    Raises:
        UsageError: When *suite* is neither, or *open_until* naive.

    .. versionadded:: 0.1.0
    """
    if suite not in (X25519, MLKEM768_X25519):
        raise UsageError("the suite is neither X25519 nor MLKEM768-X25519; pass one")
    seed = b""
    if random is None:
        if suite == MLKEM768_X25519:
            seed = MLKEM768PrivateKey.generate().private_bytes_raw()
        x25519 = X25519PrivateKey.generate().private_bytes_raw()
    else:
        if suite == MLKEM768_X25519:
            seed = random(MLKEM_SEED_BYTES)
        x25519 = random(X25519_BYTES)
    return OpeningKey.from_private_bytes(
        seed + x25519, scope=scope, generation=generation, open_until=open_until
    )
