"""
Gaps: what is needed and not known, why, and the cheapest remedy.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

import attrs

from cxcontext.core.vocabulary import Key


class Reason(Enum):
    """
    Why a value is not there to be used. In the order in which they win.

    .. versionadded:: 0.1.0
    """

    REJECTED = "rejected"  # an envelope came and did not verify
    LOST = "lost"  # a reference could not be redeemed
    NOT_IDENTIFIED = "not_identified"  # the arrival does not prove this customer
    NO_CONSENT = "no_consent"  # the purpose needs consent that is not there
    WRONG_PURPOSE = "wrong_purpose"  # the field may not be read for this purpose
    CONFLICT = "conflict"  # several values stand against each other
    NOT_YOURS = "not_yours"  # sealed to others; it may be there
    WITHHELD = "withheld"  # removed on the way; it may be there
    UNREADABLE = "unreadable"  # our keys are a generation behind, or it is broken
    UNKNOWN_AUTHOR = "unknown_author"  # our key set does not know who signed
    NEWER_VOCABULARY = "newer_vocabulary"  # our rules are a revision behind
    EXPIRED = "expired"  # it was known, and may not be used any more
    STALE = "stale"  # older than the field's or the caller's maximum age
    NOT_VERIFIED = "not_verified"  # known, but less surely than asked for
    REFUSED = "refused"  # the customer did not want to say
    CUSTOMER_DOES_NOT_KNOW = "customer_does_not_know"
    NEVER_STATED = "never_stated"


class Remedy(Enum):
    """
    What to do about a gap.

    .. versionadded:: 0.1.0
    """

    ASK = "ask"  # ask the customer
    CONFIRM = "confirm"  # ask whether what fact() shows still holds
    STEP_UP = "step_up"  # verify identity, or the value, first
    REQUEST = "request"  # another department can answer, without the customer
    DO_NOT_ASK = "do_not_ask"  # asking again would not help


@attrs.frozen
class Gap:
    """
    One needed field that has no usable value.

    Attributes:
        key: The field.
        reason: Why.
        remedy: The cheapest thing that helps.
        departments: Who can help, where the remedy is a request or step-up.
        qualifier_given: Whether a particular one of many values was needed.

    .. versionadded:: 0.1.0
    """

    key: Key[Any, Any]
    reason: Reason
    remedy: Remedy
    departments: tuple[str, ...] = ()
    qualifier_given: bool = False

    def __str__(self) -> str:
        who = f" from {' or '.join(self.departments)}" if self.departments else ""
        return f"{self.key.name}: {self.reason.value}, {self.remedy.value}{who}"


@attrs.frozen
class Needs:
    """
    What was needed: which of it is known, and the gaps. True when all is known.

    .. versionadded:: 0.1.0
    """

    known: tuple[Key[Any, Any], ...]
    gaps: tuple[Gap, ...]

    def __bool__(self) -> bool:
        return not self.gaps

    def __iter__(self) -> Iterator[Gap]:
        return iter(self.gaps)

    @property
    def to_ask(self) -> tuple[Key[Any, Any], ...]:
        """
        The fields that the customer must be asked, in the order needed.
        """
        asks = (Remedy.ASK, Remedy.CONFIRM)
        return tuple(gap.key for gap in self.gaps if gap.remedy in asks)
