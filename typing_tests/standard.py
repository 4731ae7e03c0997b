"""
What the type checkers know of standard fields.
"""

from __future__ import annotations

from datetime import timedelta
from typing import assert_type

import cxcontext as cx
from cxcontext.core.standard import PromiseEntry


class Acme(cx.Vocabulary, revision=1):
    care = cx.Scope(1, readers={"sales"})

    language = cx.standard.preferred_language(scope=care, clear=True)
    contact_by = cx.standard.contact_preference(scope=care)
    reason = cx.standard.reason_for_contact(scope=care)
    entitlement = cx.standard.entitlement(scope=care, authority={"billing"})
    accessibility = cx.standard.accessibility(scope=care)
    identity = cx.standard.identity_verification(scope=care, verifiers={"support"})
    promise = cx.standard.promise(scope=care)
    consent = cx.standard.consent(scope=care, max_age=timedelta(days=30))
    told = cx.standard.told(scope=care)
    sentiment = cx.standard.sentiment(scope=care, max_age=timedelta(hours=4))


def recall(journey: cx.Journey[Acme]) -> None:
    assert_type(journey.recall(Acme.language), str | None)
    assert_type(journey.recall(Acme.contact_by), cx.standard.ContactPreference | None)
    assert_type(journey.recall(Acme.reason), cx.standard.ReasonForContact | None)
    assert_type(journey.recall(Acme.entitlement), cx.standard.Entitlement | None)
    assert_type(journey.recall(Acme.accessibility), str | None)
    assert_type(journey.recall(Acme.identity), cx.standard.IdentityVerification | None)
    assert_type(journey.recall(Acme.promise), PromiseEntry | None)
    assert_type(journey.recall(Acme.consent), cx.standard.Consent | None)
    assert_type(journey.recall(Acme.told), cx.standard.Told | None)
    assert_type(journey.recall(Acme.sentiment), cx.standard.Sentiment | None)


def learn(journey: cx.Journey[Acme]) -> None:
    journey.learn(Acme.sentiment, cx.standard.Sentiment.CALM)
    journey.learn(Acme.reason, cx.standard.ReasonForContact(code="late"))
    journey.learn(Acme.sentiment, "calm")  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    journey.learn(Acme.reason, "late")  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    cx.standard.ReasonForContact("late")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cx.standard.Told(kind="price", wording="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def verbs(journey: cx.Journey[Acme]) -> None:
    journey.verify_identity(
        "otp", identity_assurance=cx.standard.IdentityAssurance.IAL2
    )
    journey.verify_identity(
        "otp",
        identity_assurance=cx.standard.AuthenticatorAssurance.AAL1,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    )
    assert_type(journey.has_consent("dpv:Marketing"), bool)
    cx.standard.consent(scope=Acme.care)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
