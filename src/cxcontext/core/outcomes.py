"""
What became of a journey and a message: sent, by reference, skipped, refused.
"""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

import attrs

from cxcontext.core.envelope import Envelope
from cxcontext.core.journey import Journey
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import CXContextError, ReplayedError

V = TypeVar("V", bound=Vocabulary)


class Transport(Enum):
    """
    In which form a journey goes with a message.

    .. versionadded:: 0.1.0
    """

    INLINE = "inline"  # the envelope itself
    REFERENCE = "reference"  # 48 characters, and the envelope in a store


class SkipReason(Enum):
    """
    Why a journey did not go with a message.

    .. versionadded:: 0.1.0
    """

    NOT_ALLOWED = "not_allowed"  # the receiver is no destination
    TOO_LARGE = "too_large"  # the carrier does not take so many bytes
    NO_ROOM = "no_room"  # the carrier takes no further value at all
    NO_KEY = "no_key"  # no key to sign or seal with now
    FULL = "full"  # the journey exceeds the format
    UNAVAILABLE = "unavailable"  # the signer cannot be reached


@attrs.frozen(kw_only=True)
class Injected:
    """
    What happened to a message.

    Attributes:
        destination: The department it is for; None where the receiver is none.
        transport: In which form the journey was sent; None where it was not.
        skipped: Why the journey was not sent; None where it was.
        will_ask: Fields that the receiver will have to ask for, being skipped.
        delivery_id: The delivery's id, which its response names.
        size_bytes: How long the value is.

    .. versionadded:: 0.1.0
    """

    destination: str | None
    transport: Transport | None = None
    skipped: SkipReason | None = None
    will_ask: tuple[str, ...] = ()
    delivery_id: bytes | None = None
    size_bytes: int = 0

    def __str__(self) -> str:
        if self.skipped is None:
            how = " by reference" if self.transport is Transport.REFERENCE else ""
            return f"sent to {self.destination}{how}, {self.size_bytes} bytes"
        asks = ", ".join(self.will_ask)
        consequence = (
            f"; {self.destination} will have to ask for {asks}" if asks else ""
        )
        return f"not sent ({self.skipped.value}){consequence}"


@attrs.frozen(kw_only=True)
class Extracted(Generic[V]):
    """
    What a message brought: a journey, nothing, or something that was refused.

    Attributes:
        journey: The journey. Where something was refused, an empty one whose
            needs say ``REJECTED`` or ``LOST``. None where nothing came.
        problem: Why it was refused, or why what was under a reference is lost.

    .. versionadded:: 0.1.0
    """

    journey: Journey[V] | None = None
    problem: CXContextError | None = None

    def refusal(self, *, once: bool = False) -> str | None:
        """
        Return why a route that requires a journey refuses this; None where it serves.

        ``"absent"``, or a problem's code. Everybody else is served in any case.

        Args:
            once: Whether a delivery that was seen before is refused, too.

        .. versionadded:: 0.1.0
        """
        if self.problem is not None:
            return getattr(self.problem, "code", "unavailable")
        if self.journey is None:
            return "absent"
        return ReplayedError.code if once and self.journey.replayed else None


@attrs.frozen(kw_only=True)
class Fit:
    """
    What will happen to a journey and a message, said beforehand.

    Attributes:
        destination: The department it is for; None where the receiver is none.
        transport: In which form it will go; None where it cannot.
        skipped: Why it cannot.
        will_ask: Fields that the receiver will then have to ask for.
        size_bytes: How long the value will be, or would have to be.
        limit_bytes: How long the carrier's may be.

    .. versionadded:: 0.1.0
    """

    destination: str | None
    transport: Transport | None
    skipped: SkipReason | None
    will_ask: tuple[str, ...]
    size_bytes: int
    limit_bytes: int

    def __str__(self) -> str:
        sizes = f"{self.size_bytes} bytes of {self.limit_bytes}"
        if self.transport is not None:
            return f"fits {self.transport.value}: {sizes}"
        asks = ", ".join(self.will_ask) or "nothing"
        reason = self.skipped.value if self.skipped else "not sent"
        return f"does not fit ({reason}, {sizes}); {self.destination} will ask: {asks}"


@attrs.frozen(kw_only=True)
class Deposited:
    """
    What was put under a reference, for a carrier that takes no more.

    Attributes:
        text: The reference, in 48 characters. Hidden in ``repr``.
        envelope: What is under it.

    .. versionadded:: 0.1.0
    """

    text: str = attrs.field(repr=False)
    envelope: Envelope
