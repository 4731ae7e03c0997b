"""
Carriers that misbehave as real ones do, each with where that was seen.

A message's metadata goes in as it was written and comes out as somebody's server,
library or platform hands it on. `MISBEHAVIOURS` lists them with what must come of it:
the journey is still read, or none came, or it is refused with a code. Never is it
another customer's.

What can be had here is held against the real server or library by the project's tests;
what cannot, against a transcript written from the vendor's or reporter's words, which is
weaker, and `Misbehaviour.transcribed` says so.

.. versionadded:: 0.1.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

import cxcontext as cx

Value: TypeAlias = str | bytes
Pairs: TypeAlias = tuple[tuple[str, Value], ...]

READ: Final = "read"
ABSENT: Final = "absent"


@attrs.frozen(kw_only=True)
class Misbehaviour:
    """
    One way in which metadata is changed on the way.

    Attributes:
        name: What it is; fit for a test's id.
        seen: By whom, in which version or according to what.
        outcome: `READ`, `ABSENT`, or the code with which it is refused.
        change: What becomes of all names and values of a message.
        transcribed: Whether no real one was at hand: it is held against a transcript.

    .. versionadded:: 0.1.0
    """

    name: str
    seen: str
    outcome: str
    change: Callable[[Pairs], Pairs] = attrs.field(repr=False)
    transcribed: bool = False

    def __str__(self) -> str:
        return self.name


@attrs.define
class MisbehavingCarrier:
    """
    A message whose names and values are changed between writing and reading.

    Args:
        misbehaviour: How.
        limits: What it says that it takes.
        others: What else is in the message: a stranger's value, under another name.
        exact_names: Whether names have case, as in Kafka and AMQP; in HTTP not.

    Example:
        >>> from cxcontext.testing.misbehaving import MISBEHAVIOURS, MisbehavingCarrier
        >>> (twice,) = [m for m in MISBEHAVIOURS if m.name == "two lines, two values"]
        >>> carrier = MisbehavingCarrier(twice)
        >>> carrier.set("Customer-Context", "cx1.AA")
        >>> carrier.get_all("customer-context"), twice.outcome
        (['cx1.AA', 'cx1.AA'], 'duplicate_value')

    .. versionadded:: 0.1.0
    """

    misbehaviour: Misbehaviour
    limits: cx.Limits = attrs.field(factory=cx.Limits)
    others: Pairs = attrs.field(default=(), repr=False)
    exact_names: bool = False
    _own: Pairs = attrs.field(default=(), init=False, repr=False)

    def get_all(self, name: str) -> list[Value]:
        """
        Return what came under a name, changed.
        """
        came = self.misbehaviour.change((*self._own, *self.others))
        return [value for key, value in came if self._same(key, name)]

    def set(self, name: str, value: Value) -> None:
        """
        Write a value, in place of any other under that name.
        """
        self.remove(name)
        self._own = (*self._own, (name, value))

    def remove(self, name: str) -> None:
        """
        Take a name's values away.
        """
        self._own = tuple(p for p in self._own if not self._same(p[0], name))

    def _same(self, one: str, other: str) -> bool:
        if self.exact_names:
            return one == other
        return one.lower() == other.lower()


# --- ways ------------------------------------------------------------------------


def _names(change: Callable[[str], str]) -> Callable[[Pairs], Pairs]:
    return lambda pairs: tuple((change(name), value) for name, value in pairs)


def _values(change: Callable[[str], Value]) -> Callable[[Pairs], Pairs]:
    return lambda pairs: tuple((name, change(_text(value))) for name, value in pairs)


def _text(value: Value) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _twice(pairs: Pairs) -> Pairs:
    return tuple(pair for pair in pairs for _ in range(2))


def _joined(comma: str) -> Callable[[Pairs], Pairs]:
    """
    Return how several values of one name become one.
    """

    def change(pairs: Pairs) -> Pairs:
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            found.setdefault(name, []).append(_text(value))
        return tuple((name, comma.join(values)) for name, values in found.items())

    return change


def _joined_twins(pairs: Pairs) -> Pairs:
    """
    Return names as CGI has them, where a hyphen is an underscore (RFC 3875, 4.1.18).
    """
    renamed = tuple((name.replace("_", "-").title(), value) for name, value in pairs)
    return _joined(",")(renamed)


def _none_of_several(pairs: Pairs) -> Pairs:
    names = [name.lower() for name, _ in pairs]
    return tuple(p for p in pairs if names.count(p[0].lower()) == 1)


def _none_longer_than(chars: int) -> Callable[[Pairs], Pairs]:
    return lambda pairs: tuple(p for p in pairs if len(p[1]) <= chars)


def _cut_at(chars: int) -> Callable[[Pairs], Pairs]:
    return _values(lambda value: value[:chars])


def _folded(fold: str) -> Callable[[Pairs], Pairs]:
    def change(value: str) -> str:
        middle = len(value) // 2
        return value[:middle] + fold + value[middle:]

    return _values(change)


MISBEHAVIOURS: Final = (
    Misbehaviour(
        name="two lines, two values",
        seen="uvicorn 0.54: a header that stands twice comes as two",
        outcome="duplicate_value",
        change=_twice,
    ),
    Misbehaviour(
        name="two lines, joined by a comma",
        seen="wsgiref of Python 3.11, and PEP 3333's servers: one environ entry",
        outcome="malformed",
        change=lambda pairs: _joined(",")(_twice(pairs)),
    ),
    Misbehaviour(
        name="two lines, joined by a comma and a space",
        seen="RFC 9110, 5.3: a recipient may combine lines so, and Node.js does",
        outcome="malformed",
        change=lambda pairs: _joined(", ")(_twice(pairs)),
        transcribed=True,
    ),
    Misbehaviour(
        name="none of several",
        seen="Genesys Cloud, documentation of User-to-User: several headers, or "
        "different ones, are all discarded",
        outcome=ABSENT,
        change=lambda pairs: _none_of_several(_twice(pairs)),
        transcribed=True,
    ),
    Misbehaviour(
        name="dropped",
        seen="Amazon SQS: what ReceiveMessage does not name in MessageAttributeNames "
        "is not there; SNS without raw delivery has it in the body",
        outcome=ABSENT,
        change=lambda _: (),
        transcribed=True,
    ),
    Misbehaviour(
        name="dropped where it is long",
        seen="Plivo, documentation of sipHeaders: what is longer than 120 characters "
        "is not sent, and nothing is said",
        outcome=ABSENT,
        change=_none_longer_than(120),
        transcribed=True,
    ),
    Misbehaviour(
        name="cut off at 128",
        seen="Genesys Cloud, a report in its forum: Set UUI Data cuts at 128 bytes on "
        "BYOC trunks, and nothing is said",
        outcome="malformed",
        change=_cut_at(128),
        transcribed=True,
    ),
    Misbehaviour(
        name="folded",
        seen="Kamailio 5.6.3 passes a folded line on as it is (RFC 3261, 7.3.1)",
        outcome="malformed",
        change=_folded("\r\n "),
        transcribed=True,
    ),
    Misbehaviour(
        name="unfolded to a space",
        seen="h11 0.16: obs-fold becomes a space (RFC 9112, 5.2)",
        outcome="malformed",
        change=_folded(" "),
    ),
    Misbehaviour(
        name="line feeds to spaces, and trimmed",
        seen="nats-py, issue 1018: CR and LF in a value become spaces, values are "
        "trimmed",
        outcome=READ,
        change=_values(lambda v: v.replace("\r", " ").replace("\n", " ").strip()),
        transcribed=True,
    ),
    Misbehaviour(
        name="names in small letters",
        seen="uvicorn 0.54, HTTP/2 (RFC 9113, 8.2), gRPC",
        outcome=READ,
        change=_names(str.lower),
    ),
    Misbehaviour(
        name="names in capitals",
        seen="wsgiref of Python 3.11: HTTP_CUSTOMER_CONTEXT",
        outcome=READ,
        change=_names(str.upper),
    ),
    Misbehaviour(
        name="another order",
        seen="RFC 9110, 5.3: the order of different fields means nothing",
        outcome=READ,
        change=lambda pairs: pairs[::-1],
        transcribed=True,
    ),
    Misbehaviour(
        name="an underscore twin beside it",
        seen="uvicorn 0.54: Customer_Context is a header of its own; it passes "
        "HAProxy's del-header, too",
        outcome=READ,
        change=lambda pairs: pairs,
    ),
    Misbehaviour(
        name="an underscore twin, joined",
        seen="wsgiref of Python 3.11: both spellings are one environ entry",
        outcome="malformed",
        change=_joined_twins,
    ),
    Misbehaviour(
        name="bytes for text",
        seen="confluent-kafka 2.16: a header written as str comes back as bytes",
        outcome=READ,
        change=_values(lambda value: value.encode("ascii")),
        transcribed=True,
    ),
)
"""
All of them.

.. versionadded:: 0.1.0
"""
