"""
Out of a message: a journey, nothing, or something that was refused.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypeVar

import attrs

from cxcontext.core.events import Rejected
from cxcontext.core.gaps import Reason
from cxcontext.core.limits import REFERENCE_CHARS
from cxcontext.core.outcomes import Extracted
from cxcontext.core.propagating.sending import Sending
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import (
    ReferenceExpiredError,
    ReferenceLostError,
    ReferenceMalformedError,
    ReferenceUsedError,
    UnavailableError,
    VerificationError,
)
from cxcontext.steps import Steps, call, call_async, run, run_async
from cxcontext.typing import Carrier

V = TypeVar("V", bound=Vocabulary)
T = TypeVar("T", bound=BaseException)

# What came was right, and what it led to is gone.
_LOST: Final = (
    UnavailableError,
    ReferenceLostError,
    ReferenceExpiredError,
    ReferenceUsedError,
)


@attrs.frozen(kw_only=True)
class _Way:
    """
    What is known of how a message came; as the arguments of `extract`.
    """

    binding: bytes | None = attrs.field(repr=False)
    channel: str | None
    once: bool
    waits: timedelta | None
    message_id: bytes | None = attrs.field(repr=False)


class Receiving(Sending[V]):
    """
    The receiving verbs.
    """

    def extract(
        self,
        carrier: Carrier,
        *,
        name: str,
        binding: bytes | None = None,
        once: bool = False,
        channel: str | None = None,
        waits: timedelta | None = None,
        message_id: bytes | None = None,
    ) -> Extracted[V]:
        """
        Take the journey out of a message. Never raises for what came.

        Args:
            carrier: The message's metadata.
            name: Under which name the carrier holds it.
            binding: What this side knows of the message from elsewhere.
            once: Whether a delivery seen before is refused.
            channel: Through which channel the customer is here now.
            waits: How long a delivery may live in what this message waited in: a
                queue. One that has ended is taken too, and its journey is `stale`.
            message_id: Which message it is, where a broker may deliver it again.

        Raises:
            UsageError: When the references are awaited ones.

        .. versionadded:: 0.1.0
        """
        self._check_waiting()
        way = _Way(
            binding=binding,
            channel=channel,
            once=once,
            waits=waits,
            message_id=message_id,
        )
        return run(self._extract(carrier, name, way), call)

    async def extract_async(
        self,
        carrier: Carrier,
        *,
        name: str,
        binding: bytes | None = None,
        once: bool = False,
        channel: str | None = None,
        waits: timedelta | None = None,
        message_id: bytes | None = None,
    ) -> Extracted[V]:
        """
        As `extract`, awaiting the store, or calling it in a thread of its own.

        .. versionadded:: 0.1.0
        """
        way = _Way(
            binding=binding,
            channel=channel,
            once=once,
            waits=waits,
            message_id=message_id,
        )
        return await run_async(self._extract(carrier, name, way), call_async)

    def _extract(self, carrier: Carrier, name: str, way: _Way) -> Steps[Extracted[V]]:
        try:
            values = carrier.get_all(name)
            if not values:
                return Extracted()
            raw = self._one(values, carrier)
            if _is_reference(raw):
                if self.references is None and len(raw) != REFERENCE_CHARS:
                    raise ReferenceMalformedError
                if self.references is None:
                    raise ReferenceLostError
                journey = yield lambda do: do(
                    self.references.fetch,
                    raw,
                    department=self.department,
                    binding=way.binding,
                    once=way.once,
                    channel=way.channel,
                    message_id=way.message_id,
                )
            else:
                journey = self.department.receive(
                    raw,
                    binding=way.binding,
                    once=way.once,
                    channel=way.channel,
                    max_lifetime=way.waits or self._longest_lifetime(),
                    late=way.waits is not None,
                    message_id=way.message_id,
                )
        except (VerificationError, UnavailableError) as problem:
            return self._refused(problem, way.channel)
        return Extracted(journey=journey)

    def _refused(
        self, problem: VerificationError | UnavailableError, channel: str | None
    ) -> Extracted[V]:
        lost = isinstance(problem, _LOST)
        self.department.observe(
            Rejected(
                department=self.department.name,
                code=getattr(problem, "code", "unavailable"),
            )
        )
        journey = self.department.begin_after(
            Reason.LOST if lost else Reason.REJECTED, channel=channel or self.channel
        )
        return Extracted(journey=journey, problem=_forgetful(problem))


def _is_reference(raw: str | bytes) -> bool:
    return raw[:2] in ("CX", b"CX")


def _forgetful(problem: T) -> T:
    """
    Return *problem* without the frames and causes, which hold what came.
    """
    problem.__cause__ = problem.__context__ = None
    return problem.with_traceback(None)
