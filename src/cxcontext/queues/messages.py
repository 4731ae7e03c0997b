"""
What every adapter for queues does with one message.

A queue differs from a web hop in three ways. A message waits: its delivery is signed
when it is sent, for the department that consumes the queue and for as long as the
queue may keep it; when it is read later than that, its journey is `stale`, and says
what is still valid. Consumers read without a scope: so the journey of a message is
bound by ``with``, or by an iterator that binds one message after the other. And a
message is delivered again, by a broker, a retry or a dead-letter redrive: it keeps
the value that it had, and is no replay.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from datetime import timedelta
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, ParamSpec, TypeVar, cast

import attrs
from attrs import validators

import cxcontext as cx
from cxcontext.errors import ContextRequiredError, VerificationError
from cxcontext.typing import Carrier

M = TypeVar("M")
P = ParamSpec("P")
T = TypeVar("T")

NAME: Final = "customer-context"
# Amazon SQS keeps no message for longer; a Kafka topic or a dead-letter queue may.
LONGEST_WAIT: Final = timedelta(days=14)
_REFERENCE: Final = ("CX", b"CX")
_REFERENCE_CHARS: Final = 48


@attrs.frozen(kw_only=True)
class Messages:
    """
    How one department's messages carry journeys.

    Args:
        propagator: Which department this is, and which queues reach which others:
            `Destination.queues`.
        waits: The longest that a delivery may be meant to wait in the queues that
            are consumed here; 1 s or more. As the senders' `Destination.lifetime`,
            or longer.
        once: Whether a delivery is refused that came in another message already, and
            one that has ended. Where messages have no ids, every second sight counts.
            Each process remembers its own last 100,000: what another one has seen is
            not known, so what must not be done twice needs a record of its own.
        channel: The channel of what is learned in handlers; the sender's, unless
            given.
        name: Under which name the messages hold the value.

    .. versionadded:: 0.1.0
    """

    propagator: cx.Propagator[Any]
    waits: timedelta = attrs.field(
        default=LONGEST_WAIT, validator=validators.ge(timedelta(seconds=1))
    )
    once: bool = False
    channel: str | None = None
    name: str = NAME

    # --- sending -------------------------------------------------------------

    def inject(
        self, carrier: Carrier, *, queue: str, binding: bytes | None = None
    ) -> cx.Injected | None:
        """
        Put the current journey into a message, if the queue's consumer may have it.

        The message is sent either way. A value that is there already and is meant
        for that consumer stays, for the message is sent again; but not in place of the
        current journey of another customer. Every other value is taken away.

        Args:
            carrier: The message's metadata.
            queue: Where the message goes, as in `Destination.queues`.
            binding: What the consumer will know of the message from elsewhere; counts
                where the destination is bound.

        Returns:
            What happened; None where no journey is current or the value stays.

        .. versionadded:: 0.1.0
        """
        journey, to = cx.current(), self.propagator.destination_of(queue)
        if self.stays(carrier, queue=queue, journey=journey):
            return None
        if journey is None:
            carrier.remove(self.name)
            return None
        return self.propagator.inject(
            journey, carrier, to=to, name=self.name, binding=binding
        )

    async def inject_async(
        self, carrier: Carrier, *, queue: str, binding: bytes | None = None
    ) -> cx.Injected | None:
        """
        As `inject`, awaiting the store of references.

        .. versionadded:: 0.1.0
        """
        journey, to = cx.current(), self.propagator.destination_of(queue)
        if self.stays(carrier, queue=queue, journey=journey):
            return None
        if journey is None:
            carrier.remove(self.name)
            return None
        return await self.propagator.inject_async(
            journey, carrier, to=to, name=self.name, binding=binding
        )

    def stays(
        self,
        carrier: Carrier,
        *,
        queue: str,
        journey: cx.Journey[Any] | None = None,
    ) -> bool:
        """
        Say whether a message has one value already, meant for the queue's consumer.

        Args:
            carrier: The message's metadata.
            queue: Where the message goes.
            journey: Which would go with it otherwise. The value of another one does
                not stay, for headers may serve several messages, and those of several
                customers; nor does a reference, which does not say whose it is.

        .. versionadded:: 0.1.0
        """
        to = self.propagator.destination_of(queue)
        values = carrier.get_all(self.name)
        if to is None or len(values) != 1:
            return False
        (value,) = values
        # After a refused one there is nothing to send, and a retry may succeed.
        instead = None if journey is None or journey.problem is not None else journey
        if value[:2] in _REFERENCE and len(value) == _REFERENCE_CHARS:
            return instead is None
        try:
            domain = self.propagator.department.domain
            envelope = cx.Envelope.parse(value, domain=domain)
        except VerificationError:
            return False
        if instead is not None and envelope.journey_id != instead.id:
            return False
        return envelope.delivery.audience == to.department

    # --- receiving -----------------------------------------------------------

    @contextmanager
    def bound(
        self,
        carrier: Carrier,
        *,
        message_id: bytes | None = None,
        binding: bytes | None = None,
    ) -> Generator[cx.Journey[Any] | None]:
        """
        Make the journey of a message the current one, while it is handled.

        Never raises for what came: a message with a value that is refused is handled
        with an empty journey, whose needs say ``REJECTED``, or ``LOST``.

        Args:
            carrier: The message's metadata.
            message_id: What tells this message from all others, however often it is
                delivered; None where the broker has nothing of the kind.
            binding: What this side knows of the message from elsewhere; given where
                the senders' destinations are bound, and only there.

        .. versionadded:: 0.1.0
        """
        found = self.propagator.extract(
            carrier,
            name=self.name,
            binding=binding,
            once=self.once,
            channel=self.channel,
            waits=self.waits,
            message_id=message_id,
        )
        with cx.bound(found.journey):
            yield found.journey

    @asynccontextmanager
    async def bound_async(
        self,
        carrier: Carrier,
        *,
        message_id: bytes | None = None,
        binding: bytes | None = None,
    ) -> AsyncGenerator[cx.Journey[Any] | None]:
        """
        As `bound`, awaiting the store of references.

        .. versionadded:: 0.1.0
        """
        found = await self.propagator.extract_async(
            carrier,
            name=self.name,
            binding=binding,
            once=self.once,
            channel=self.channel,
            waits=self.waits,
            message_id=message_id,
        )
        with cx.bound(found.journey):
            yield found.journey


@contextmanager
def each(
    messages: Iterable[M], bound: Callable[[M], AbstractContextManager[object]]
) -> Generator[Iterator[M]]:
    """
    Give an iterator over messages that binds the journey of each in turn.

    While the next message is waited for, and after the block, none of them is bound:
    a loop that is left by ``break`` or an exception must not leave its last
    customer's journey behind, which an iterator alone cannot prevent.

    Args:
        messages: What a consumer yields.
        bound: Binds the journey of one message: an adapter's ``bound``.

    Example:
        >>> from contextlib import nullcontext
        >>> with each([1, 2], lambda message: nullcontext()) as messages:
        ...     list(messages)
        [1, 2]

    .. versionadded:: 0.1.0
    """
    with ExitStack() as work:

        def one_by_one() -> Iterator[M]:
            for message in messages:
                work.enter_context(bound(message))
                yield message
                work.close()

        yield one_by_one()


@asynccontextmanager
async def each_async(
    messages: AsyncIterable[M],
    bound: Callable[[M], AbstractAsyncContextManager[object]],
) -> AsyncGenerator[AsyncIterator[M]]:
    """
    As `each`, for consumers that are awaited.

    .. versionadded:: 0.1.0
    """
    async with AsyncExitStack() as work:

        async def one_by_one() -> AsyncIterator[M]:
            async for message in messages:
                await work.enter_async_context(bound(message))
                yield message
                await work.aclose()

        yield one_by_one()


def requires_context(handler: Callable[P, T]) -> Callable[P, T]:
    """
    Let a handler run only with a journey that came and was not refused.

    For functions and coroutine functions that run where a journey is bound: tasks,
    callbacks.

    Raises:
        ContextRequiredError: By the handler, in place of its work: whatever the
            library does with failed messages, it does with this one.

    .. versionadded:: 0.1.0
    """

    def check() -> None:
        journey = cx.current()
        if journey is None:
            raise ContextRequiredError("absent")
        if journey.problem is not None:
            raise ContextRequiredError(journey.problem.value)

    if iscoroutinefunction(handler):

        @wraps(handler)
        async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
            check()
            return await handler(*args, **kwargs)

        return cast("Callable[P, T]", awaited)

    @wraps(handler)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        check()
        return handler(*args, **kwargs)

    return called
