"""
Destinations: who may be sent a journey, and what reaches them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import attrs

from cxcontext.core.limits import DELIVERY_LIFETIME
from cxcontext.errors import DestinationError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_PORT: Final = 65535
# RFC 6454, 6.2, but for hosts in Unicode: which ASCII name is meant depends on
# the edition of IDNA, and another host could be reached than was allowed.
_ORIGIN: Final = re.compile(
    r"(https?)://(?:([0-9a-z._-]+)|\[([0-9a-f:.]+)\])(?::([0-9]{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)


@attrs.frozen
class Origin:
    """
    Scheme, host and port, as RFC 6454 compares them.

    .. versionadded:: 0.1.0
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Origin:
        """
        Return the origin that *text* is, and nothing but an origin.

        Raises:
            DestinationError: When it has a path, query, user or wildcard, or is
                not http or https, or its host is not in ASCII.
        """
        found = _ORIGIN.fullmatch(text)
        scheme, name, address, port = found.groups() if found else ("", "", "", "")
        if not scheme or not 0 < int(port or 1) <= _MAX_PORT:
            msg = (
                f"{text!r} is not an origin; write it as https://billing.example:8443, "
                "and an international name in its form with xn--"
            )
            raise DestinationError(msg)
        scheme, host = scheme.lower(), (name or address).lower()
        return cls(scheme, host, int(port) if port else _DEFAULT_PORTS[scheme])


def _origins(origins: Iterable[str | Origin]) -> frozenset[Origin]:
    if isinstance(origins, str):
        raise DestinationError("origins is one string; pass a list of origins")
    return frozenset(o if isinstance(o, Origin) else Origin.parse(o) for o in origins)


def _one_second_or_more(_: Any, __: Any, lifetime: timedelta) -> None:
    if lifetime < timedelta(seconds=1):
        raise DestinationError("a delivery's lifetime is 1 second or more")


@attrs.frozen
class Destination:
    """
    A named receiver: which department it is, and which origins reach it.

    Args:
        department: The department's name in the key set.
        origins: ``https://billing.example:8443``; compared exactly, never by
            pattern or substring.
        lifetime: How long a delivery may be on its way; 1 s or more.
        bound: Whether deliveries are bound to the request's method and target.
            Switch it on at both ends, where no proxy rewrites targets.
        returns: Whether what the receiver learned is taken back from its
            responses. Switch it on at both ends, between internal services only.

    Raises:
        DestinationError: When an origin is not written as one, or the lifetime
            is too short.

    .. versionadded:: 0.1.0
    """

    department: str
    origins: frozenset[Origin] = attrs.field(
        default=frozenset(), converter=_origins, kw_only=True
    )
    lifetime: timedelta = attrs.field(
        default=DELIVERY_LIFETIME, kw_only=True, validator=_one_second_or_more
    )
    bound: bool = attrs.field(default=False, kw_only=True)
    returns: bool = attrs.field(default=False, kw_only=True)
