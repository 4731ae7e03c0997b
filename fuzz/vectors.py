"""
The vectors as the fuzzer has them: settings, seeds, and everything that is genuine.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from making.forging import Forge
from making.reading import forms_of, open_with, receiver_of
from making.world import DOMAIN, make_rings

from cxcontext.core.department import Department
from cxcontext.core.domain import TrustDomain
from cxcontext.core.journey import Journey
from cxcontext.core.keygen import KeyRing
from fuzz import VECTORS

__all__ = [
    "DOMAIN",
    "Forge",
    "Setting",
    "decode_forms",
    "rings",
    "settings",
    "vectors",
]


@cache
def rings() -> dict[str, KeyRing]:
    """
    Return the key rings of the vectors.
    """
    return make_rings()


@cache
def vectors(kind: str) -> tuple[dict[str, Any], ...]:
    """
    Return the valid or the invalid vectors that have an envelope, in their order.
    """
    paths = sorted((VECTORS / kind).glob("*.json"))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return tuple(vector for vector in found if "envelope" in vector)


def decode_forms(vector: dict[str, Any]) -> list[bytes]:
    """
    Return the forms of a vector's envelope, text as its bytes.
    """
    return [
        form if isinstance(form, bytes) else form.encode("utf-8", "surrogatepass")
        for form in forms_of(vector["envelope"])
    ]


class Setting:
    """
    A receiver that expects something: all of a vector but its envelope.
    """

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector = vector
        self.expectation: dict[str, Any] = {**vector["expectation"], "once": False}
        self.department: Department[Any] = receiver_of(vector, VECTORS, _Deaf())

    @property
    def domain(self) -> TrustDomain[Any]:
        """
        The trust domain that only this receiver is in.
        """
        return self.department._trust_domain  # noqa: SLF001 - for its caches

    def open(self, raw: bytes | str) -> Journey[Any]:
        """
        Return the journey that *raw* is, opened as the vector says.
        """
        return open_with(self.department, raw, self.expectation)

    def forget(self) -> None:
        """
        Let go of what was verified or opened.
        """
        self.domain.verified.clear()
        self.department.forget_recent()


class _Deaf(list[Any]):
    def append(self, item: Any) -> None:
        """
        Hear nothing, so that nothing piles up.
        """


def setting_of(vector: dict[str, Any]) -> str:
    """
    Return by what two vectors have the same setting.
    """
    parts = ("keys", "vocabulary", "receiver", "expectation")
    return json.dumps([vector[part] for part in parts], sort_keys=True)


@cache
def settings() -> tuple[tuple[str, Setting], ...]:
    """
    Return every setting that a vector has, once, by `setting_of`.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind in ("valid", "invalid"):
        for vector in vectors(kind):
            found.setdefault(setting_of(vector), vector)
    return tuple((name, Setting(vector)) for name, vector in found.items())
