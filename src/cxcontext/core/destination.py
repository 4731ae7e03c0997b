"""
Destinations: who may be sent a journey, and what reaches them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import attrs

from cxcontext.core.limits import DELIVERY_LIFETIME
from cxcontext.errors import DestinationError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


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
        return f"{self.scheme}://{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Origin:
        """
        Return the origin that *text* is, and nothing but an origin.

        Raises:
            DestinationError: When it has a path, query, user or wildcard, or is
                not http or https.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise DestinationError(f"{text!r} is not an origin") from None
        host = parts.hostname or ""
        if (
            parts.scheme not in _DEFAULT_PORTS
            or not host
            or "*" in host
            or "@" in parts.netloc
            or parts.path not in ("", "/")
            or parts.query
            or parts.fragment
        ):
            msg = f"{text!r} is not an origin; write it as https://billing.example:8443"
            raise DestinationError(msg)
        return cls(parts.scheme, host.lower(), port or _DEFAULT_PORTS[parts.scheme])


def _origins(origins: Iterable[str | Origin]) -> frozenset[Origin]:
    if isinstance(origins, str):
        raise DestinationError("origins is one string; pass a list of origins")
    return frozenset(o if isinstance(o, Origin) else Origin.parse(o) for o in origins)


@attrs.frozen
class Destination:
    """
    A named receiver: which department it is, and which origins reach it.

    Args:
        department: The department's name in the key set.
        origins: ``https://billing.example:8443``; compared exactly, never by
            pattern or substring.
        lifetime: How long a delivery may be on its way.
        bound: Whether deliveries are bound to the request's method and target.
            Switch it on at both ends, where no proxy rewrites targets.
        returns: Whether what the receiver learned is taken back from its
            responses. Switch it on at both ends, between internal services only.

    Raises:
        DestinationError: When an origin is not written as one.

    .. versionadded:: 0.1.0
    """

    department: str
    origins: frozenset[Origin] = attrs.field(
        default=frozenset(), converter=_origins, kw_only=True
    )
    lifetime: timedelta = attrs.field(default=DELIVERY_LIFETIME, kw_only=True)
    bound: bool = attrs.field(default=False, kw_only=True)
    returns: bool = attrs.field(default=False, kw_only=True)
