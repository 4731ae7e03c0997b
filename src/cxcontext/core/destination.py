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
MAX_REUSE: Final = timedelta(seconds=5)
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


def _queues(queues: Iterable[str]) -> frozenset[str]:
    if isinstance(queues, str):
        raise DestinationError("queues is one string; pass a list of queues")
    return frozenset(queues)


def _one_second_or_more(_: Any, __: Any, lifetime: timedelta) -> None:
    if lifetime < timedelta(seconds=1):
        raise DestinationError("a delivery's lifetime is 1 second or more")


def _five_seconds_or_less(destination: Any, __: Any, reuse: timedelta) -> None:
    if not timedelta(0) <= reuse <= MAX_REUSE:
        raise DestinationError("a delivery is reused for 5 seconds at most")
    if reuse and destination.bound:
        raise DestinationError("a bound delivery goes with one message only")


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
        queues: Queues, topics or subjects, whose messages this department alone
            consumes; compared exactly. A lifetime that fits them belongs to it.
        reuse: For how long the same delivery may go into several messages, when
            nothing was learned in between; 0 to 5 s. Only where the receiver does
            not refuse a delivery that it has seen.

    Raises:
        DestinationError: When an origin is not written as one, the lifetime is too
            short, or a bound delivery is to be reused.

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
    queues: frozenset[str] = attrs.field(
        default=frozenset(), converter=_queues, kw_only=True
    )
    reuse: timedelta = attrs.field(
        default=timedelta(0), kw_only=True, validator=_five_seconds_or_less
    )
