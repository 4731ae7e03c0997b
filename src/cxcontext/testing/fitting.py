"""
A journey fits into a message, or it is said what it costs that it does not.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import attrs

import cxcontext as cx
from cxcontext.typing import Carrier


class HasLimits(Protocol):
    """
    A carrier, as far as its limits.

    .. versionadded:: 0.1.0
    """

    @property
    def limits(self) -> cx.Limits:
        """
        What it takes.
        """
        ...


def assert_fits(
    journey: cx.Journey[Any],
    carrier: HasLimits | cx.Limits,
    *,
    to: str | None = None,
    propagator: cx.Propagator[Any] | None = None,
) -> None:
    """
    Check that the journey, as it is now, goes into one value of *carrier*.

    Nothing is sealed, signed or sent by it.

    Args:
        journey: The journey.
        carrier: The message's metadata, or just its limits.
        to: For whom; the journey's own department, unless given: for departments of
            the domain it makes no difference but the length of the name.
        propagator: Whoever will send it, for what it would do: bind the delivery, go
            by reference. Without one the envelope itself must fit.

    Raises:
        AssertionError: It gives both sizes, the fields that the receiver would have
            to ask for again, and the remedy.

    .. versionadded:: 0.1.0
    """
    __tracebackhide__ = True
    limits = carrier if isinstance(carrier, cx.Limits) else carrier.limits
    receiver = journey.department if to is None else to
    if propagator is not None:
        fit = propagator.fit(journey, cast(Carrier, _Limited(limits)), to=receiver)
        if fit.transport is None:
            raise AssertionError(f"{fit}\n  {_remedy(fit.skipped)}")
        return
    trial = journey.twin().seal_for(receiver)
    size_bytes = len(bytes(trial)) if limits.binary else len(str(trial))
    if size_bytes > limits.value_bytes:
        asks = ", ".join(journey.known_to(receiver)) or "nothing"
        msg = (
            f"the journey does not fit: {size_bytes} bytes, and the carrier takes "
            f"{limits.value_bytes}\n  consequence: {receiver} will ask for: {asks}\n"
            f"  {_remedy(cx.SkipReason.TOO_LARGE)}"
        )
        raise AssertionError(msg)


def _remedy(reason: cx.SkipReason | None) -> str:
    if reason is cx.SkipReason.NOT_ALLOWED:
        return "remedy: name the receiver among the propagator's destinations"
    if reason is cx.SkipReason.TOO_LARGE:
        return (
            "remedy: give the propagator references=..., so that it goes by reference; "
            "or raise the limits at both ends, if the carrier allows it; or begin a new "
            "journey and restate what is still needed"
        )
    return "remedy: see to the department's keys, or begin a new journey and restate"


@attrs.frozen
class _Limited:
    """
    All of a carrier that `Propagator.fit` looks at.
    """

    limits: cx.Limits
