"""
What a vector is while it is made, and where they are collected.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

import cxcontext as cx
from cxcontext.core.keygen import KeyRing
from making.forging import Forge
from making.world import DOMAIN, NOW, Acme, World

Json = dict[str, Any]


@attrs.frozen
class Gap:
    """
    That a value is not recalled, and why.
    """

    reason: str


class Workshop:
    """
    Where vectors are made: it hands out worlds and forges.
    """

    def __init__(self, rings: Mapping[str, KeyRing]) -> None:
        self.rings = rings
        self._made = 0

    def world(
        self, ring: str = "acme", *, vocabulary: type[cx.Vocabulary] = Acme
    ) -> World:
        """
        Return departments of one ring, at the instant at which all begins.
        """
        self._made += 1
        return World(self.rings[ring], f"world {self._made}", vocabulary=vocabulary)

    def forge(self, ring: str = "acme", **options: Any) -> Forge:
        """
        Return a forge with all of a ring's private keys.
        """
        return Forge(self.rings[ring], **options)


@attrs.frozen(kw_only=True)
class Vector:
    """
    An envelope, who opens it how, and what is to come of it.

    Args:
        envelope: Its bytes or text; what has ``bytes()`` will do. A dict is
            written as it is.
        to: Who opens it.
        now: The receiver's clock.
        how: What else is expected, as in the file.
        keys: Which key ring.
        vocabulary: Which vocabulary.
        recalls: Of a valid one, by field or by field/qualifier, the value that
            must be recalled, or the gap.
        reads: Of a valid one, further members that the reading must have.
        secret: That of the erasable journey, if the receiver finds one.
        error: Of an invalid one, the code.
        text: Whether the text form is given besides the binary form.
        graph: Instead of an envelope, statements' ids and parents.
    """

    envelope: Any = None
    to: str = "support"
    now: int = NOW
    how: Mapping[str, Any] = attrs.field(factory=dict)
    keys: str = "acme"
    vocabulary: str = "acme"
    recalls: Mapping[str, Any] = attrs.field(factory=dict)
    reads: Mapping[str, Any] = attrs.field(factory=dict)
    secret: bytes | None = None
    error: str | None = None
    text: bool = True
    graph: list[Json] | None = None


Maker: TypeAlias = Callable[[Workshop], Vector]

VALID: dict[str, Maker] = {}
INVALID: dict[str, Maker] = {}


def valid(make: Maker) -> Maker:
    """
    Collect the maker of a valid vector: its name is the vector's.
    """
    return _collect(VALID, make)


def invalid(make: Maker) -> Maker:
    """
    Collect the maker of an invalid vector: its name is the vector's.
    """
    return _collect(INVALID, make)


def add_invalid(name: str, description: str, make: Maker) -> None:
    """
    Collect the maker of one of many invalid vectors of a kind.
    """
    make.__doc__ = description
    make.__name__ = name
    _collect(INVALID, make)


def _collect(registry: dict[str, Maker], make: Maker) -> Maker:
    name = make.__name__.replace("_", "-")
    if name in VALID or name in INVALID:
        raise ValueError(name)
    registry[name] = make
    return make


def to_text(data: bytes) -> str:
    """
    Return the text form of an envelope's bytes.
    """
    return "cx1." + urlsafe_b64encode(data).rstrip(b"=").decode()


def document(name: str, description: str, vector: Vector) -> Json:
    """
    Return the vector's file without what a valid one reads.
    """
    made: Json = {
        "name": name,
        "description": " ".join(description.split()),
        "keys": vector.keys,
        "vocabulary": vector.vocabulary,
        "domain": DOMAIN,
        "receiver": vector.to,
        "expectation": {"open": "receive", "now": vector.now, **vector.how},
    }
    if vector.secret is not None:
        made["secret"] = vector.secret.hex()
    if vector.graph is not None:
        made["graph"] = vector.graph
    elif isinstance(vector.envelope, dict):
        made["envelope"] = vector.envelope
    elif isinstance(vector.envelope, str):
        made["envelope"] = {"text": vector.envelope}
    else:
        data = bytes(vector.envelope)
        made["envelope"] = {"hex": data.hex()}
        if vector.text:
            made["envelope"]["text"] = to_text(data)
    if vector.error is not None:
        made["error"] = vector.error
    return made
