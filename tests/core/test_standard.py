"""
Standard fields: the same numbers and types in every vocabulary.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from acme import START, Acme

import cxcontext as cx
from cxcontext.core import standard
from cxcontext.core.value_types import TypeCodec
from cxcontext.errors import UsageError, VocabularyError

SCOPE = cx.Scope(1, readers={"sales"})
DIGEST = bytes(range(32))


# --- fields ------------------------------------------------------------------


def test_the_numbers_are_the_same_everywhere():
    """
    A standard field has its number in every vocabulary, and no other has it.
    """
    numbers = {
        field.number: name for name, field in Acme.fields.items() if field.number < 0
    }

    assert {
        -1: "language",
        -2: "contact_by",
        -3: "reason",
        -4: "entitlement",
        -5: "accessibility",
        -6: "identity",
        -7: "promise",
        -8: "consent",
        -9: "told",
        -10: "sentiment",
    } == numbers


def test_the_vocabulary_places_them():
    """
    A standard field stands in the scope that the vocabulary puts it in.
    """
    assert Acme.care is Acme.reason.scope
    assert Acme.contact is Acme.identity.scope


def test_a_language_is_a_tag_and_may_be_clear():
    """
    The preferred language is a BCP 47 tag, sealed unless the vocabulary says clear.
    """
    sealed = standard.preferred_language(scope=SCOPE, max_age=timedelta(days=1))
    clear = standard.preferred_language(scope=SCOPE, clear=True)

    assert ("bcp47", False, timedelta(days=1)) == (
        sealed.format,
        sealed.clear,
        sealed.max_age,
    )
    assert clear.clear
    assert "Which language do you prefer?" == clear.ask


@pytest.mark.parametrize(
    ("field", "many"),
    [
        (standard.contact_preference(scope=SCOPE), False),
        (standard.reason_for_contact(scope=SCOPE), False),
        (standard.entitlement(scope=SCOPE, authority={"billing"}), False),
        (standard.accessibility(scope=SCOPE), True),
        (standard.identity_verification(scope=SCOPE, verifiers={"sales"}), False),
        (standard.promise(scope=SCOPE), True),
        (standard.consent(scope=SCOPE, max_age=timedelta(1)), True),
        (standard.told(scope=SCOPE), True),
        (standard.sentiment(scope=SCOPE, max_age=timedelta(1)), False),
    ],
    ids=lambda value: str(getattr(value, "number", value)),
)
def test_none_but_the_language_is_ever_clear(field, many):
    """
    Identity, accessibility, consent and promises never travel in the clear.
    """
    assert not field.clear
    assert many == field.many


def test_only_authority_verifiers_and_ages_are_the_vocabularys_choice():
    """
    What a vocabulary may choose for a standard field is kept.
    """
    verified = standard.identity_verification(
        scope=SCOPE,
        verifiers={"support"},
        former_verifiers={"ivr"},
        max_age=timedelta(hours=1),
    )
    entitled = standard.entitlement(scope=SCOPE, authority={"billing"})

    assert ({"support"}, {"ivr"}) == (verified.verifiers, verified.former_verifiers)
    assert timedelta(hours=1) == verified.max_age
    assert {"billing"} == entitled.authority


def test_sentiment_is_only_inferred():
    """
    How somebody seems to feel is never stated or verified, and gets stale.
    """
    assert Acme.sentiment.field.inferred_only
    assert timedelta(hours=4) == Acme.sentiment.field.max_age


def test_a_standard_field_has_a_standard_number():
    """
    The negative numbers down to -64 are for standard fields only.
    """
    for number in (-65, 0, 1):
        field = standard.StandardField(number, str, scope=SCOPE)
        with pytest.raises(VocabularyError, match="is not in"):
            field.check()


# --- values ------------------------------------------------------------------

VALUES = [
    (standard.ContactPreference, standard.ContactPreference()),
    (
        standard.ContactPreference,
        standard.ContactPreference(by="email", never_by=("phone", "sms")),
    ),
    (standard.ReasonForContact, standard.ReasonForContact(code="late")),
    (
        standard.ReasonForContact,
        standard.ReasonForContact(code="late", wording="It never came"),
    ),
    (standard.Entitlement, standard.Entitlement(level="gold", expires_at=START)),
    (
        standard.IdentityVerification,
        standard.IdentityVerification(
            methods=("otp", "sms"),
            identity_assurance=standard.IdentityAssurance.IAL2,
            authenticator_assurance=standard.AuthenticatorAssurance.AAL1,
            evidence_type="passport",
            evidence_digest=DIGEST,
        ),
    ),
    (
        standard.PromiseEntry,
        standard.PromiseEntry(
            action=standard.PromiseAction.MAKE,
            kind="refund",
            wording="By Friday",
            owner="billing",
            due_from=START,
            due_until=START + timedelta(days=1),
        ),
    ),
    (
        standard.Consent,
        standard.Consent(
            status=standard.ConsentStatus.GIVEN,
            lawful_basis="dpv:ExplicitConsent",
            expires_at=START,
        ),
    ),
    (
        standard.Told,
        standard.Told(
            kind=standard.ToldKind.PRICE,
            wording="Nine ninety",
            amount=Decimal("9.90"),
            currency="EUR",
            valid_until=START,
        ),
    ),
    (standard.Sentiment, standard.Sentiment.ANGRY),
]


@pytest.mark.parametrize(("type_", "value"), VALUES, ids=range(len(VALUES)))
def test_a_standard_value_comes_back(type_, value):
    """
    Standard values survive the wire.
    """
    codec: TypeCodec[Any] = TypeCodec(type_)

    assert value == codec.from_wire(codec.to_wire(value, field="field"))


@pytest.mark.parametrize(("type_", "value"), VALUES[:-1], ids=range(len(VALUES) - 1))
def test_a_standard_value_shows_nothing(type_, value):
    """
    The records that hold what customers said do not show it.
    """
    assert "object at 0x" in repr(value)


def test_only_given_consent_is_a_grant():
    """
    Refused and withdrawn are both no.
    """
    granted = {
        status: standard.Consent(status=status).granted
        for status in standard.ConsentStatus
    }

    assert [standard.ConsentStatus.GIVEN] == [s for s, yes in granted.items() if yes]


def test_consent_has_the_names_of_dpv():
    """
    The status of consent is called as DPV 2 calls it.
    """
    assert [
        "dpv:ConsentGiven",
        "dpv:ConsentRefused",
        "dpv:ConsentWithdrawn",
    ] == [status.dpv for status in standard.ConsentStatus]


def told(**changes: Any) -> standard.Told:
    """
    Return something told, but for *changes*.
    """
    return standard.Told(
        **({"kind": standard.ToldKind.OFFER, "wording": "x"} | changes)
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: standard.IdentityVerification(methods=()),
            "methods names one or more of RFC 8176",
        ),
        (
            lambda: standard.IdentityVerification(
                methods=("otp",), evidence_digest=b"passport no. 5"
            ),
            "evidence_digest is a SHA-256 digest of 32 bytes, never the evidence",
        ),
        (
            lambda: standard.IdentityVerification(
                methods=("otp",),
                evidence_digest="0" * 32,  # type: ignore[arg-type]
            ),
            "evidence_digest is a SHA-256 digest of 32 bytes",
        ),
        (
            lambda: standard.ReasonForContact(code="c" * 65),
            "code is text of at most 64 characters",
        ),
        (
            lambda: standard.ReasonForContact(code="c", wording="w" * 2001),
            "wording is text of at most 2000 characters",
        ),
        (lambda: told(wording="w" * 2001), "wording is text of at most 2000"),
        (lambda: told(wording=5), "wording is text of at most 2000"),
        (
            lambda: standard.Entitlement(level="g" * 65),
            "level is text of at most 64 characters",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_standard_value_is_checked_when_it_is_made(make, words):
    """
    What is too long or not what it says is refused with what it must be.
    """
    with pytest.raises(UsageError) as caught:
        make()

    assert words in str(caught.value)


def test_the_longest_standard_values_are_taken():
    """
    Exactly as long as allowed is allowed.
    """
    assert 2000 == len(told(wording="w" * 2000).wording)
    assert "c" * 64 == standard.ReasonForContact(code="c" * 64).code


def test_told_with_an_instant_in_the_past_is_still_what_was_told():
    """
    The library does not judge what was said.
    """
    assert 2020 == told(valid_until=datetime(2020, 1, 1, tzinfo=UTC)).valid_until.year
