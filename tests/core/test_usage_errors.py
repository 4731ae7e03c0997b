"""
Usage errors: raised where the mistake is made, with words that name the fix.
"""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from acme import DOMAIN, INTERNAL, READERS, START, Acme, World, ring_of

import cxcontext as cx
from cxcontext import Known, Reason
from cxcontext.errors import (
    ConflictError,
    CXContextError,
    DifferentJourneyError,
    ExternalDepartmentError,
    ForbiddenDataError,
    ForeignFieldError,
    FormatError,
    KeySetError,
    MissingKeyError,
    NotAuthorisedError,
    NotPicklableError,
    PromiseError,
    UnknownDepartmentError,
    UsageError,
    ValueDoesNotFitError,
    VocabularyError,
    WithholdError,
)

# Test numbers that the schemes publish.
CARD = "4111 1111 1111 1111"
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001
LATER = START + timedelta(seconds=1)


class Reformed(cx.Vocabulary, revision=1):
    """
    A vocabulary in which sales once wrote and verified, and does no more.
    """

    care = cx.Scope(4, readers={"billing"}, former_writers={"sales"})
    checked = cx.Scope(2, readers={"sales", "billing"})
    note = cx.Field(1, str, scope=care)
    account = cx.Field(
        2, str, scope=checked, verifiers={"billing"}, former_verifiers={"sales"}
    )


class Other(cx.Vocabulary, revision=1):
    """
    Somebody else's vocabulary.
    """

    contact = cx.Scope(1, readers=set(INTERNAL))
    full_name = cx.Field(1, str, scope=contact)


def begun(world: World, name: str = "sales") -> cx.Journey[Any]:
    """
    Return a new journey.
    """
    return world[name].begin(channel="chat")


def learn(key: Any, value: Any, **arguments: Any) -> Any:
    """
    Return the act of learning a value at sales.
    """
    return lambda world: begun(world).learn(key, value, **arguments)


def reformed(world: World) -> cx.Journey[Any]:
    """
    Return a new journey under the reformed vocabulary.
    """
    return begun(World(world.ring, world.clock, vocabulary=Reformed))


def late(world: World, **span: float) -> World:
    """
    Return the world after some time.
    """
    world.clock.advance(**span)
    return world


MISTAKES: dict[str, tuple[Any, type[CXContextError], list[str]]] = {
    # --- of type
    "a number for text": (
        learn(Acme.full_name, 5),
        ValueDoesNotFitError,
        ["full_name", "expected str, got int", "declared type"],
    ),
    "none where it is not optional": (
        learn(Acme.full_name, None),
        ValueDoesNotFitError,
        ["expected str, got NoneType"],
    ),
    "a naive instant": (
        learn(Acme.callback_at, NAIVE),
        ValueDoesNotFitError,
        ["callback_at", "a datetime that cannot be carried", "aware datetimes"],
    ),
    "an integer of 65 bits": (
        learn(Acme.attempts, 2**64),
        ValueDoesNotFitError,
        ["attempts", "integers of 64 bits", "docs/values.md"],
    ),
    "a value of a wrong type, corrected": (
        lambda world: begun(world).correct(Acme.gift, "yes"),
        ValueDoesNotFitError,
        ["gift", "expected bool, got str"],
    ),
    "a member that the list has not": (
        learn(Acme.parcel, "stolen"),
        ValueDoesNotFitError,
        ["parcel", "Literal['packed', 'sent', 'lost']"],
    ),
    "more than a section holds": (
        learn(Acme.photo, bytes(20_000)),
        ValueDoesNotFitError,
        ["photo", "a section holds at most 16384 bytes"],
    ),
    # --- of format
    "an e-mail address without a domain": (
        learn(Acme.email, "alex"),
        FormatError,
        ["email", "not a valid email", "where it is typed in"],
    ),
    "a telephone number without a country": (
        learn(Acme.phone, "0612345678"),
        FormatError,
        ["phone", "not a valid e164"],
    ),
    "an account number with a wrong digit": (
        learn(Acme.iban, "GB82 WEST 1234 5698 7654 33"),
        FormatError,
        ["iban", "not a valid iban"],
    ),
    "no language": (
        learn(Acme.language, "english (british)"),
        FormatError,
        ["language", "not a valid bcp47"],
    ),
    "a language with something private in the clear": (
        learn(Acme.language, "en-x-alex-smith"),
        FormatError,
        ["language", "bcp47 without private use"],
    ),
    "a language too long for routers": (
        learn(Acme.language, "sl-Latn-IT-rozaj-biske-1994-nedis"),
        ValueDoesNotFitError,
        ["language", "at most 32 bytes in the clear"],
    ),
    # --- forbidden
    "a card number": (
        learn(Acme.full_name, CARD),
        ForbiddenDataError,
        ["full_name", "payment card number", "last four digits", "token"],
    ),
    "a card number in a sentence": (
        learn(Acme.full_name, f"my card is {CARD}, thanks"),
        ForbiddenDataError,
        ["full_name"],
    ),
    "a card number as a number": (
        learn(Acme.attempts, 4111111111111111),
        ForbiddenDataError,
        ["attempts"],
    ),
    "a card number in bytes": (
        learn(Acme.photo, CARD.encode()),
        ForbiddenDataError,
        ["photo"],
    ),
    "a card number under a key": (
        learn(Acme.answers, {"a": CARD}),
        ForbiddenDataError,
        ["answers"],
    ),
    "a card number as a key": (
        learn(Acme.answers, {CARD: 1}),
        ForbiddenDataError,
        ["answers"],
    ),
    "a card number deep in a record": (
        learn(
            Acme.reason,
            cx.standard.ReasonForContact(code="pay", wording=f"use {CARD}"),
        ),
        ForbiddenDataError,
        ["reason"],
    ),
    "a card number in a list": (
        lambda world: begun(world, "support").learn(Acme.notice, ["a", CARD]),
        ForbiddenDataError,
        ["notice"],
    ),
    "a card number that passes for an account number": (
        learn(Acme.phone, "+4111111111111111"),
        FormatError,
        ["phone"],
    ),
    "a card number as a qualifier": (
        learn(Acme.product, "a kettle", qualifier=CARD),
        ForbiddenDataError,
        ["product"],
    ),
    "a card number as a reason to ask": (
        lambda world: begun(world).asked(Acme.full_name, because=CARD),
        ForbiddenDataError,
        ["full_name"],
    ),
    "a card number in a promise": (
        lambda world: begun(world).promise("refund", wording=f"to {CARD}"),
        ForbiddenDataError,
        ["promise"],
    ),
    "a card number as an answer": (
        lambda world: begun(world).ask_once(Acme.full_name, lambda _: CARD),
        ForbiddenDataError,
        ["full_name"],
    ),
    # --- of keys
    "another vocabulary's field": (
        learn(Other.full_name, "Alex"),
        ForeignFieldError,
        ["full_name is not a field of Acme", "read on its class"],
    ),
    "another vocabulary's field, needed": (
        lambda world: begun(world).needs(Other.full_name),
        ForeignFieldError,
        ["Acme"],
    ),
    "another vocabulary's field, exported": (
        lambda world: begun(world).export_to("carrier", Other.full_name),
        ForeignFieldError,
        ["Acme"],
    ),
    "another vocabulary's field, restated": (
        lambda world: begun(world).restate(begun(world), Other.full_name),
        ForeignFieldError,
        ["Acme"],
    ),
    "another vocabulary's field, refused": (
        lambda world: begun(world).refused(Other.full_name),
        ForeignFieldError,
        ["Acme"],
    ),
    "a name instead of a key": (
        learn("full_name", "Alex"),
        UsageError,
        ["a str is not a key", "read on the vocabulary class", "Acme.field_name"],
    ),
    "a name instead of a key, asked": (
        lambda world: begun(world).asking("full_name"),
        UsageError,
        ["a str is not a key"],
    ),
    "a name instead of a key, asked once": (
        lambda world: begun(world).ask_once("full_name", input),
        UsageError,
        ["a str is not a key"],
    ),
    "a name instead of a key, confirmed": (
        lambda world: begun(world).confirm("full_name"),
        UsageError,
        ["a str is not a key"],
    ),
    "a name instead of a key, retracted": (
        lambda world: begun(world).retract("full_name"),
        UsageError,
        ["a str is not a key"],
    ),
    "a name instead of a key, unknown to the customer": (
        lambda world: begun(world).does_not_know("full_name"),
        UsageError,
        ["a str is not a key"],
    ),
    "a name instead of a key, exported": (
        lambda world: begun(world).export_to("carrier", "tracking"),
        UsageError,
        ["a str is not a key"],
    ),
    "a name instead of a key, restated": (
        lambda world: begun(world).restate(begun(world), "full_name"),
        UsageError,
        ["a str is not a key"],
    ),
    "a name instead of a scope": (
        lambda world: begun(world).hand_over("ivr", withhold=["order"]),
        UsageError,
        ["withhold takes scopes", "Acme.scope_name", "str"],
    ),
    "another vocabulary's scope": (
        lambda world: begun(world).hand_over("ivr", withhold=[Other.contact]),
        UsageError,
        ["withhold takes scopes of Acme"],
    ),
    # --- of authority
    "no writer": (
        lambda world: begun(world, "support").learn(Acme.card_last4, "4242"),
        NotAuthorisedError,
        ["support may not write card_last4", "allowed: billing, sales"],
    ),
    "a former writer": (
        lambda world: reformed(world).learn(Reformed.note, "x"),
        NotAuthorisedError,
        ["sales may not write note", "allowed: billing"],
    ),
    "no writer, retracting": (
        lambda world: begun(world, "ivr").retract(Acme.order_number),
        NotAuthorisedError,
        ["ivr may not write order_number"],
    ),
    "no verifier": (
        learn(Acme.account, "A-1", known=Known.VERIFIED),
        NotAuthorisedError,
        ["sales may not verify account", "allowed: billing"],
    ),
    "a former verifier": (
        lambda world: reformed(world).learn(
            Reformed.account, "A-1", known=Known.VERIFIED
        ),
        NotAuthorisedError,
        ["sales may not verify account", "allowed: billing"],
    ),
    "a field that nobody verifies": (
        learn(Acme.full_name, "Alex", known=Known.VERIFIED),
        NotAuthorisedError,
        ["sales may not verify full_name", "allowed: nobody"],
    ),
    "a sales department that verifies identity": (
        lambda world: begun(world).verify_identity("otp"),
        NotAuthorisedError,
        ["sales may not verify identity", "ivr, support"],
    ),
    "a stated inference": (
        learn(Acme.score, 0.5, known=Known.STATED),
        UsageError,
        ["score is only ever INFERRED", "leave known out"],
    ),
    "a number for how known": (
        learn(Acme.full_name, "Alex", known=2),
        UsageError,
        ["full_name: known is one of Known", "Known.OBSERVED"],
    ),
    "a word for how known": (
        lambda world: begun(world).correct(Acme.full_name, "Alex", known="STATED"),
        UsageError,
        ["known is one of Known"],
    ),
    # --- of time
    "known since tomorrow": (
        learn(Acme.full_name, "Alex", at=LATER),
        UsageError,
        ["at lies in the future"],
    ),
    "known since a naive instant": (
        learn(Acme.full_name, "Alex", at=NAIVE),
        UsageError,
        ["naive", "datetime.now(UTC)"],
    ),
    "known since before there were clocks": (
        learn(Acme.full_name, "Alex", at=datetime(1969, 1, 1, tzinfo=UTC)),
        UsageError,
        ["1970 to 9999"],
    ),
    "a delivery that is over at once": (
        lambda world: begun(world).hand_over("support", lifetime=timedelta(0)),
        UsageError,
        ["lifetime is 1 second or more"],
    ),
    # --- of qualifiers and reasons
    "a qualifier for a field with one value": (
        learn(Acme.full_name, "Alex", qualifier="q"),
        UsageError,
        ["full_name has one value", "many=True"],
    ),
    "a qualifier too long": (
        learn(Acme.product, "x", qualifier="q" * 65),
        UsageError,
        ["product: a qualifier is Unicode text of 1 to 64 characters"],
    ),
    "an empty qualifier": (
        learn(Acme.product, "x", qualifier=""),
        UsageError,
        ["1 to 64 characters"],
    ),
    "a number for a qualifier": (
        learn(Acme.product, "x", qualifier=5),
        UsageError,
        ["Unicode text"],
    ),
    "half a character for a qualifier": (
        learn(Acme.product, "x", qualifier="\ud83d"),
        UsageError,
        ["Unicode text"],
    ),
    "a reason to ask that is too long": (
        lambda world: begun(world).asked(Acme.full_name, because="b" * 257),
        UsageError,
        ["because is Unicode text of 1 to 256 characters"],
    ),
    "a reason to ask that is no text": (
        lambda world: begun(world).asked(Acme.full_name, because=5),
        UsageError,
        ["because is Unicode text"],
    ),
    "half a character for a reason": (
        lambda world: begun(world).asked(Acme.full_name, because="\ud83d"),
        UsageError,
        ["because is Unicode text"],
    ),
    # --- of keys to seal and to sign with
    "no key to seal to": (
        lambda world: begun(late(world, days=31)).learn(Acme.full_name, "Alex"),
        MissingKeyError,
        ["scope contact has no key that may seal now", "cxcontext keys rotate"],
    ),
    "no key to seal a mark to": (
        lambda world: begun(late(world, days=31)).refused(Acme.full_name),
        MissingKeyError,
        ["scope contact has no key", "load the newer key files"],
    ),
    "no key to sign with": (
        lambda world: begun(late(world, days=91)).save(),
        MissingKeyError,
        ["sales has no private key", "cxcontext keys rotate"],
    ),
    # --- of departments
    "a name with a slip": (
        lambda world: begun(world).hand_over("biling"),
        UnknownDepartmentError,
        ["no department 'biling'", "known: billing", "correct the name"],
    ),
    "a partner": (
        lambda world: begun(world).hand_over("carrier"),
        ExternalDepartmentError,
        ["carrier is external", "export_to()", "accept_from()"],
    ),
    "an export to ourselves": (
        lambda world: begun(world).export_to("support"),
        UsageError,
        ["support is a department of ours", "hand the journey over"],
    ),
    "an export of what is not theirs": (
        lambda world: begun(world).export_to("carrier", Acme.full_name),
        UsageError,
        ["carrier may not read full_name", "add it to the scope's readers"],
    ),
    "a scope withheld from its reader": (
        lambda world: begun(world).hand_over("billing", withhold=[Acme.payment]),
        WithholdError,
        ["billing may read scope payment", "change the scope's readers"],
    ),
    "an unknown owner of a promise": (
        lambda world: begun(world).promise("x", wording="y", owner="nobody"),
        UnknownDepartmentError,
        ["no department 'nobody'", "billing"],
    ),
    "a partner as the owner of a promise": (
        lambda world: begun(world).promise("x", wording="y", owner="carrier"),
        ExternalDepartmentError,
        ["carrier is external"],
    ),
    "an unknown department": (
        lambda world: world.domain.department("slaes", keys=world.ring.private["ivr"]),
        UnknownDepartmentError,
        ["no department 'slaes'", "known: sales"],
    ),
    "another department's keys": (
        lambda world: world.domain.department("sales", keys=world.ring.private["ivr"]),
        UsageError,
        ["the private keys of ivr", "not of sales", "load its own file"],
    ),
    "another domain's key set": (
        lambda world: cx.TrustDomain("other.example", Acme, keys=world.ring.public),
        UsageError,
        [DOMAIN, "other.example", "load its own"],
    ),
    # --- of promises
    "a promise of too many words": (
        lambda world: begun(world).promise("x", wording="w" * 2001),
        UsageError,
        ["wording is text of at most 2000 characters"],
    ),
    "a promise of no text": (
        lambda world: begun(world).promise(5, wording="w"),
        UsageError,
        ["kind is text of at most 64 characters"],
    ),
    "a promise due at a naive instant": (
        lambda world: begun(world).promise("x", wording="w", due=NAIVE),
        UsageError,
        ["naive", "aware"],
    ),
    "a promise due before it may be kept": (
        lambda world: begun(world).promise("x", wording="w", due=START, due_from=LATER),
        UsageError,
        ["due lies before due_from"],
    ),
    "an unknown promise": (
        lambda world: begun(world).keep("sales/abc"),
        PromiseError,
        ["promise sales/abc", "no such promise can be seen here"],
    ),
    "a promise that is learned": (
        learn(Acme.promise, "x", qualifier="abc"),
        UsageError,
        ["promises are made with promise()"],
    ),
    # --- of merging, restating, confirming
    "two customers' journeys": (
        lambda world: begun(world).merge(begun(world)),
        DifferentJourneyError,
        ["is not journey", "restate()"],
    ),
    "another department's journey": (
        lambda world: begun(world).merge(begun(world, "billing")),
        UsageError,
        ["a journey of billing", "merge what it hands over to sales"],
    ),
    "another vocabulary's journey": (
        lambda world: begun(world).restate(reformed(world)),
        UsageError,
        ["same vocabulary and trust domain"],
    ),
    "nothing to confirm": (
        lambda world: begun(world).confirm(Acme.full_name),
        ConflictError,
        ["full_name", "say which one is right with correct()"],
    ),
    "a reply to nothing": (
        lambda world: begun(world).hand_over("support", reply_to=b"x"),
        UsageError,
        ["reply_to is the delivery_id"],
    ),
    "a beginning after no rejection": (
        lambda world: world["sales"].begin_after(Reason.STALE, channel="chat"),
        UsageError,
        ["Reason.REJECTED or Reason.LOST", "begin()"],
    ),
    # --- of pickling
    "a pickled journey": (
        lambda world: pickle.dumps(begun(world)),
        NotPicklableError,
        ["a Journey is not pickled", "journey.save()"],
    ),
    "a copied context": (
        lambda world: pickle.dumps(begun(world).context),
        NotPicklableError,
        ["a Context is not pickled", "pass on the envelope"],
    ),
    # --- of vocabularies and keys
    "a type that cannot be carried": (
        lambda _world: cx.Field(1, set[str], scope=Acme.contact),
        VocabularyError,
        ["set[str] cannot be carried", "list"],
    ),
    "keys for readers that are not there": (
        lambda _world: ring_of(readers=READERS | {9: {"nobody"}}),
        UnknownDepartmentError,
        ["nobody"],
    ),
    "keys that are no file of ours": (
        lambda _world: cx.KeySet.from_json("{}"),
        KeySetError,
        ["key set refused"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_where_it_is_made(world, mistake):
    """
    The act raises its own class of error, and the message has the words that help.
    """
    act, error, words = MISTAKES[mistake]

    with pytest.raises(error) as caught:
        act(world)

    assert error is type(caught.value)
    assert [] == [word for word in words if word not in str(caught.value)]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_error_pickles_and_copies(world, mistake):
    """
    A process pool and a task queue hand the same error on.
    """
    act, error, _ = MISTAKES[mistake]
    with pytest.raises(error) as caught:
        act(world)

    pickled = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own error
    for back in (pickled, copy.copy(caught.value)):
        assert str(caught.value) == str(back)
        assert error is type(back)


@pytest.mark.parametrize(
    "act",
    [
        lambda journey: journey.learn(Acme.full_name, 5),
        lambda journey: journey.learn(Acme.full_name, CARD),
        lambda journey: journey.learn(Acme.email, "alex"),
        lambda journey: journey.learn(Acme.full_name, "Alex", at=LATER),
        lambda journey: journey.learn(Acme.account, "A-1", known=Known.VERIFIED),
        lambda journey: journey.learn(Acme.note, "a"),
        lambda journey: journey.correct(Acme.full_name, 5),
        lambda journey: journey.retract(Acme.note),
        lambda journey: journey.confirm(Acme.phone),
        lambda journey: journey.asked(Acme.full_name, because=""),
        lambda journey: journey.promise("x", wording="w" * 2001),
        lambda journey: journey.verify_identity("otp"),
        lambda journey: journey.restate(journey, "full_name"),
    ],
    ids=range(13),
)
def test_after_a_mistake_nothing_has_changed(sales, act):
    """
    Each verb is atomic: what raises has said nothing.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    before = journey.unsent, journey.trail, len(journey.context.statements)
    with pytest.raises(UsageError):
        act(journey)

    assert before == (journey.unsent, journey.trail, len(journey.context.statements))
    assert "A-118" == journey.recall(Acme.order_number)
    assert journey.recall(Acme.full_name) is None


@pytest.mark.parametrize("channel", ["", "Chat", "chat room", "c" * 33, 5, None])
def test_a_channel_is_a_word_that_all_may_read(sales, channel):
    """
    A channel that could name the customer is refused, with examples.
    """
    with pytest.raises(ValueError, match="such as 'chat' or 'phone'"):
        sales.begin(channel=channel)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (Acme.full_name, "order 4111 1111 1111 1112"),
        (Acme.iban, "GB82 WEST 1234 5698 7654 32"),
        (Acme.phone, "+49 151 23456789"),
        (Acme.language, "de-CH-1996"),
        (Acme.product, "4111"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_only_looks_like_a_mistake_is_none(sales, key, value):
    """
    A number with another check digit, and what a format explains, may be said.
    """
    journey = sales.begin(channel="chat")
    journey.learn(key, value)

    assert value == journey.recall(key)
