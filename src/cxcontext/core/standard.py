"""
Standard fields: what every vocabulary calls the same.

A vocabulary places each in a scope of its own; the numbers are negative and
the same everywhere. Sources: BCP 47 (RFC 5646) for languages, RFC 8176 for
methods of verification, NIST SP 800-63-4 for assurance levels, the W3C Data
Privacy Vocabulary 2 (DPV) for purposes, lawful bases and consent.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Final, TypeVar

import attrs

from cxcontext.core.value_types import positional
from cxcontext.core.vocabulary import Field, Scope
from cxcontext.errors import UsageError
from cxcontext.hiding import unshown

T = TypeVar("T")

PREFERRED_LANGUAGE: Final = -1
CONTACT_PREFERENCE: Final = -2
REASON_FOR_CONTACT: Final = -3
ENTITLEMENT: Final = -4
ACCESSIBILITY: Final = -5
IDENTITY_VERIFICATION: Final = -6
PROMISE: Final = -7
CONSENT: Final = -8
TOLD: Final = -9
SENTIMENT: Final = -10

MAX_CODE_CHARS: Final = 64
MAX_WORDING_CHARS: Final = 2000
SHA256_BYTES: Final = 32


class StandardField(Field[T]):
    """
    A field whose number means the same in every vocabulary.

    .. versionadded:: 0.1.0
    """

    numbers: ClassVar[range] = range(-64, 0)


def _length(limit: int) -> Any:
    def check(_self: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None and (not isinstance(value, str) or len(value) > limit):
            msg = f"{attribute.name} is text of at most {limit} characters"
            raise UsageError(msg)

    return check


def _some(_self: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not value:
        msg = f"{attribute.name} names one or more of RFC 8176, such as 'otp' or 'kba'"
        raise UsageError(msg)


def _digest(_self: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and (
        not isinstance(value, bytes) or len(value) != SHA256_BYTES
    ):
        msg = f"{attribute.name} is a SHA-256 digest of 32 bytes, never the evidence"
        raise UsageError(msg)


# --- values ------------------------------------------------------------------


@positional
@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class ContactPreference:
    """
    How the customer wants to be reached, and how never.

    .. versionadded:: 0.1.0
    """

    by: str | None = attrs.field(default=None, validator=_length(MAX_CODE_CHARS))
    never_by: tuple[str, ...] = ()


@positional
@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class ReasonForContact:
    """
    Why the customer is here: a code of the domain's, and their own words.

    .. versionadded:: 0.1.0
    """

    code: str = attrs.field(validator=_length(MAX_CODE_CHARS))
    wording: str | None = attrs.field(
        default=None, validator=_length(MAX_WORDING_CHARS)
    )


@positional
@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class Entitlement:
    """
    What service the customer is entitled to, until when.

    .. versionadded:: 0.1.0
    """

    level: str = attrs.field(validator=_length(MAX_CODE_CHARS))
    expires_at: datetime | None = None


class IdentityAssurance(Enum):
    """
    How surely the person is who they claim (NIST SP 800-63A-4, section 2).

    .. versionadded:: 0.1.0
    """

    IAL1 = 1
    IAL2 = 2
    IAL3 = 3


class AuthenticatorAssurance(Enum):
    """
    How surely it is the same person again (NIST SP 800-63B-4, section 2).

    .. versionadded:: 0.1.0
    """

    AAL1 = 1
    AAL2 = 2
    AAL3 = 3


@positional
@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class IdentityVerification:
    """
    That a customer's identity was verified, and how. Never with what.

    Args:
        methods: Values of RFC 8176, such as ``("otp", "sms")`` or ``("kba",)``.
        identity_assurance: Of the proofing behind the account; kept apart from
        authenticator_assurance: that of this authentication.
        evidence_type: What was looked at: ``"passport"``, ``"invoice"``.
        evidence_digest: SHA-256 of the evidence with a random salt that stays
            with whoever verified; a digest of a short number alone can be guessed.

    .. versionadded:: 0.1.0
    """

    methods: tuple[str, ...] = attrs.field(validator=_some)
    identity_assurance: IdentityAssurance | None = None
    authenticator_assurance: AuthenticatorAssurance | None = None
    evidence_type: str | None = attrs.field(
        default=None, validator=_length(MAX_CODE_CHARS)
    )
    evidence_digest: bytes | None = attrs.field(default=None, validator=_digest)


class PromiseAction(Enum):
    """
    What happens to a promise. The values are what travels.

    .. versionadded:: 0.1.0
    """

    MAKE = 0
    ACCEPT = 1
    KEEP = 2
    MISS = 3
    MOVE = 4
    RELEASE = 5
    OBSERVE_BROKEN = 6
    HAND_OVER = 7


@positional
@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class PromiseEntry:
    """
    One step in the life of a promise, as it is stated.

    Its qualifier is the promise's name: creating department, slash, random id;
    in the creating department's own statements the random id alone.
    *owner* is left out where the creating department owns what it promises.

    .. versionadded:: 0.1.0
    """

    action: PromiseAction
    kind: str | None = attrs.field(default=None, validator=_length(MAX_CODE_CHARS))
    wording: str | None = attrs.field(
        default=None, validator=_length(MAX_WORDING_CHARS)
    )
    owner: str | None = None
    due_until: datetime | None = None
    due_from: datetime | None = None


class ConsentStatus(Enum):
    """
    Status of consent, by the names of DPV 2.

    .. versionadded:: 0.1.0
    """

    GIVEN = 0
    REFUSED = 1
    WITHDRAWN = 2

    @property
    def dpv(self) -> str:
        """
        The name of the status in DPV.
        """
        return f"dpv:Consent{self.name.title()}"


@positional
@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class Consent:
    """
    What the customer agreed to, or no longer; its qualifier is the purpose.

    .. versionadded:: 0.1.0
    """

    status: ConsentStatus
    expires_at: datetime | None = None
    lawful_basis: str = attrs.field(
        default="dpv:Consent", validator=_length(MAX_CODE_CHARS)
    )

    @property
    def granted(self) -> bool:
        """
        Whether it is a grant; everything else withdraws.
        """
        return self.status is ConsentStatus.GIVEN


class ToldKind(Enum):
    """
    What sort of thing the customer was told.

    .. versionadded:: 0.1.0
    """

    PRICE = "price"
    OFFER = "offer"
    POLICY = "policy"


@positional
@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class Told:
    """
    What the customer was told, so that the next department says the same.

    .. versionadded:: 0.1.0
    """

    kind: ToldKind
    wording: str = attrs.field(validator=_length(MAX_WORDING_CHARS))
    amount: Decimal | None = None
    currency: str | None = None
    valid_until: datetime | None = None


class Sentiment(Enum):
    """
    How the customer seems to feel. Always inferred, and soon stale.

    .. versionadded:: 0.1.0
    """

    CALM = "calm"
    CONFUSED = "confused"
    FRUSTRATED = "frustrated"
    ANGRY = "angry"
    DISTRESSED = "distressed"


# --- fields ------------------------------------------------------------------


def preferred_language(
    *, scope: Scope, clear: bool = False, max_age: timedelta | None = None
) -> Field[str]:
    """
    The language the customer prefers, as a BCP 47 tag.

    Args:
        scope: The scope it belongs to.
        clear: Whether routers without keys may read it.
        max_age: After this time it is stale.

    .. versionadded:: 0.1.0
    """
    return StandardField(
        PREFERRED_LANGUAGE,
        str,
        scope=scope,
        clear=clear,
        max_age=max_age,
        format="bcp47",
        label="your preferred language",
        ask="Which language do you prefer?",
        category="pd:Language",
    )


def contact_preference(*, scope: Scope) -> Field[ContactPreference]:
    """
    How the customer wants to be contacted, and how never.

    .. versionadded:: 0.1.0
    """
    return StandardField(
        CONTACT_PREFERENCE,
        ContactPreference,
        scope=scope,
        label="how we may contact you",
        ask="How may we contact you, and how never?",
        category="pd:Contact",
    )


def reason_for_contact(
    *, scope: Scope, max_age: timedelta | None = None
) -> Field[ReasonForContact]:
    """
    Why the customer is here.

    .. versionadded:: 0.1.0
    """
    return StandardField(
        REASON_FOR_CONTACT,
        ReasonForContact,
        scope=scope,
        max_age=max_age,
        label="the reason for your contact",
        ask="What can we do for you?",
    )


def entitlement(*, scope: Scope, authority: Collection[str] = ()) -> Field[Entitlement]:
    """
    What level of service the customer is entitled to.

    .. versionadded:: 0.1.0
    """
    return StandardField(
        ENTITLEMENT,
        Entitlement,
        scope=scope,
        authority=authority,
        label="your service level",
    )


def accessibility(*, scope: Scope) -> Field[str]:
    """
    What makes the service accessible to this customer. Many; never clear.

    .. versionadded:: 0.1.0
    """
    return StandardField(
        ACCESSIBILITY,
        str,
        scope=scope,
        many=True,
        label="how we can make this easier for you",
        ask="Is there anything we can do to make this easier for you?",
        category="pd:Disability",
    )


def identity_verification(
    *,
    scope: Scope,
    verifiers: Collection[str],
    former_verifiers: Collection[str] = (),
    max_age: timedelta | None = None,
) -> Field[IdentityVerification]:
    """
    That the customer's identity was verified, by one of *verifiers*.

    .. versionadded:: 0.1.0
    """
    return StandardField(
        IDENTITY_VERIFICATION,
        IdentityVerification,
        scope=scope,
        verifiers=verifiers,
        former_verifiers=former_verifiers,
        max_age=max_age,
        label="the check of your identity",
    )


def promise(*, scope: Scope) -> Field[PromiseEntry]:
    """
    What was promised to the customer. Used through the journey's promise verbs.

    .. versionadded:: 0.1.0
    """
    return StandardField(
        PROMISE, PromiseEntry, scope=scope, many=True, label="what we promised you"
    )


def consent(*, scope: Scope, max_age: timedelta) -> Field[Consent]:
    """
    What the customer agreed to, per purpose.

    Args:
        scope: Its writers are who may record a grant.
        max_age: How long a grant counts at most; mandatory, and no longer than
            the domain's statement lifetime.

    .. versionadded:: 0.1.0
    """
    return StandardField(
        CONSENT,
        Consent,
        scope=scope,
        many=True,
        max_age=max_age,
        label="what you agreed to",
    )


def told(*, scope: Scope) -> Field[Told]:
    """
    What price, offer or policy the customer was told. Many.

    .. versionadded:: 0.1.0
    """
    return StandardField(TOLD, Told, scope=scope, many=True, label="what we told you")


def sentiment(*, scope: Scope, max_age: timedelta) -> Field[Sentiment]:
    """
    How the customer seems to feel; only ever inferred, and stale after *max_age*.

    .. versionadded:: 0.1.0
    """
    return StandardField(
        SENTIMENT,
        Sentiment,
        scope=scope,
        max_age=max_age,
        inferred_only=True,
        category="pd:EmotionalState",
    )
