"""
A shop to test adapters in: three departments, keys made once, one field to recall.

Sales sends, billing receives, support is somebody else. A `Process` has its own
caches and events, as each process of a real shop has.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, TypeAlias

import attrs

import cxcontext as cx

DOMAIN: Final = "shop.example"
DEPARTMENTS: Final = ("sales", "billing", "support")
NAME: Final = "Ada Zebedee Lovelace"
NOBODY: Final = b"nobody"
REFUSED: Final = b"refused"
# On a busy machine; nothing waits so long that goes well.
PATIENCE_S: Final = 30.0

_LIMITS: Final = cx.Limits(value_bytes=4096)

Headers: TypeAlias = Sequence[tuple[str, str]]


class Shop(cx.Vocabulary, revision=1):
    """
    Who the customer is, where to write to, and a note of any length.

    .. versionadded:: 0.1.0
    """

    contact = cx.Scope(1, readers=set(DEPARTMENTS))
    name = cx.Field(1, str, scope=contact)
    email = cx.Field(2, str, scope=contact)
    note = cx.Field(3, str, scope=contact)


@cache
def _ring() -> cx.KeyRing:
    return cx.keys_for(Shop, domain=DOMAIN, now=datetime.now(UTC))


class Process:
    """
    The shop in one process, with caches of its own.

    Args:
        ahead: By how much its clock is ahead of the others'.

    Attributes:
        events: What every department of it told, oldest first.

    .. versionadded:: 0.1.0
    """

    def __init__(self, *, ahead: timedelta = timedelta(0)) -> None:
        self.events: list[Any] = []
        self._domain = cx.TrustDomain(
            DOMAIN,
            Shop,
            keys=_ring().public,
            clock=lambda: datetime.now(UTC) + ahead,
        )
        self._departments: dict[str, cx.Department[Shop]] = {}

    def department(self, name: str) -> cx.Department[Shop]:
        """
        Return a department of this process, always the same.
        """
        if name not in self._departments:
            self._departments[name] = self._domain.department(
                name, keys=_ring().private[name], on_event=self.events.append
            )
        return self._departments[name]

    def begin(self, name: str = NAME) -> cx.Journey[Shop]:
        """
        Return a journey at sales, with a customer of this name.
        """
        journey = self.department("sales").begin(channel="chat")
        journey.learn(Shop.name, name)
        return journey

    def codes(self) -> list[str]:
        """
        Return why values were refused, oldest first.
        """
        kind = cx.events.Rejected
        return [event.code for event in self.events if isinstance(event, kind)]


def customer() -> bytes:
    """
    Return whose journey is current: a name, `NOBODY`, or `REFUSED`.

    .. versionadded:: 0.1.0
    """
    journey = cx.current()
    if journey is None:
        return NOBODY
    gap = journey.gap(Shop.name)
    if gap is None:
        return str(journey.recall(Shop.name)).encode()
    return REFUSED if gap.reason is cx.Reason.REJECTED else gap.reason.name.encode()


@attrs.frozen
class Answer:
    """
    A response, as it came off the socket.

    Args:
        status: The protocol's status: 200 and 400, for HTTP.
        headers: Names and values, or whatever the protocol has of the kind.
        body: All of it, of a stream all parts in one.
        shown: What the library's own objects show: the ``repr`` of the response, of
            its headers, and of the request that it names, with its headers.

    .. versionadded:: 0.1.0
    """

    status: int
    headers: Headers
    body: bytes
    shown: str = attrs.field(default="", repr=False)

    def values(self, name: str) -> list[str]:
        """
        Return every value under a name, which has no case.
        """
        return [value for key, value in self.headers if key.lower() == name.lower()]


@attrs.define
class Values:
    """
    A carrier that is nothing but its values, in either direction.

    .. versionadded:: 0.1.0
    """

    values: list[str] = attrs.field(factory=list, repr=False)
    limits: cx.Limits = _LIMITS

    def get_all(self, name: str) -> list[str | bytes]:
        """
        Return the values, whatever they are called.
        """
        return [*self.values]

    def set(self, name: str, value: str | bytes) -> None:
        """
        Put one value in place of all others.
        """
        self.values = [value if isinstance(value, str) else value.decode()]

    def remove(self, name: str) -> None:
        """
        Take the values away.
        """
        self.values = []


def shows(secret: str, text: str) -> bool:
    """
    Return whether a text has a value, or enough of it.

    .. versionadded:: 0.1.0
    """
    # Some logs cut long lines off, and a beginning is enough to be found by.
    return secret in text or (len(secret) > 80 and secret[4:60] in text)


def expect(expected: object, found: object, why: str = "") -> None:
    """
    Compare, in a way that needs no test runner and that ``python -O`` keeps.

    Raises:
        AssertionError: When they differ.

    .. versionadded:: 0.1.0
    """
    if expected != found:
        said = f"{why}: " if why else ""
        raise AssertionError(f"{said}expected {expected!r}, found {found!r}")


def ensure(true: object, why: str) -> None:
    """
    As `expect`, for what is true or not.

    Raises:
        AssertionError: When it is not.

    .. versionadded:: 0.1.0
    """
    if not true:
        raise AssertionError(why)


def eventually(true: Callable[[], bool], why: str) -> None:
    """
    Wait until something is true that another thread makes true.

    Raises:
        AssertionError: When it does not become true.

    .. versionadded:: 0.1.0
    """
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError(f"never happened: {why}")
