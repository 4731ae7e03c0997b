"""
Hiding: nothing that a customer said shows, wherever it is looked for.

A sentinel is planted wherever a value can stand, and looked for in every text
that a program could write without meaning to: ``repr``, logs, events, errors,
and tracebacks with the locals of every frame but the caller's own.
"""

from __future__ import annotations

import asyncio
import logging
import pprint
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
from acme import (
    INTERNAL,
    START,
    Acme,
    Address,
    Clock,
    Company,
    Item,
    World,
    ring_of,
)
from rich.pretty import pretty_repr

import cxcontext as cx
from cxcontext import Arrival, Known
from cxcontext.core.keys import PrivateKeys
from cxcontext.core.limits import MAX_STATEMENTS
from cxcontext.core.recall import Question, read_field
from cxcontext.errors import CXContextError, UnavailableError, UsageError

WORD = "Sentinel7f3a"
NUMBER = 83402917
SEVERAL = [WORD, str(NUMBER), WORD.encode().hex()]

SAID: dict[Any, Any] = {
    Acme.full_name: WORD,
    Acme.email: f"{WORD}@example.com",
    Acme.phone: f"+336{NUMBER}",
    Acme.order_number: f"A-{NUMBER}",
    Acme.deliver_to: Address(WORD, WORD, NUMBER),
    Acme.items: (Item(WORD, Decimal(NUMBER)),),
    Acme.photo: WORD.encode(),
    Acme.payer: Company(WORD),
    Acme.card_last4: WORD,
    Acme.iban: "GB82 WEST 1234 5698 7654 32",
    Acme.account: WORD,
    Acme.attempts: NUMBER,
    Acme.score: float(NUMBER),
    Acme.callback_at: datetime(2026, 1, 7, tzinfo=UTC),
    Acme.answers: {WORD: NUMBER, "b": WORD},
    Acme.hobby: WORD,
    Acme.tracking: WORD,
    Acme.contact_by: cx.standard.ContactPreference(by=WORD, never_by=(WORD,)),
    Acme.reason: cx.standard.ReasonForContact(code=WORD, wording=WORD),
    Acme.entitlement: cx.standard.Entitlement(level=WORD),
}


def spoken(world: World, name: str = "sales") -> cx.Journey[Any]:
    """
    Return a journey in which the sentinels are said in every way.
    """
    journey = world[name].begin(channel="chat")
    for key, value in SAID.items():
        journey.learn(key, value)
    journey.learn(Acme.product, WORD, qualifier=WORD)
    journey.learn(Acme.accessibility, WORD, qualifier=WORD)
    journey.learn(
        Acme.told,
        cx.standard.Told(kind=cx.standard.ToldKind.PRICE, wording=WORD),
        qualifier=WORD,
    )
    journey.asked(Acme.born, because=WORD)
    journey.refused(Acme.accessibility, qualifier=f"{WORD}2")
    journey.promise("refund", wording=WORD, due=START + timedelta(days=1))
    return journey


def assert_hidden(text: str) -> None:
    """
    Fail if a sentinel stands in *text*.
    """
    assert [] == [sentinel for sentinel in SEVERAL if sentinel in text]


# --- objects -----------------------------------------------------------------


def everything(world: World) -> Iterator[object]:
    """
    Yield every kind of object that a program comes to hold.
    """
    journey = spoken(world)
    yield journey
    yield journey.context
    yield journey._pending
    yield journey._pending.content(1, issued_s=world.clock.now_s)
    yield journey._pending.content(4, issued_s=world.clock.now_s)
    yield from journey._pending.facts.values()
    yield from journey._pending.marks
    envelope = journey.hand_over("support")
    yield repr(envelope)
    yield from envelope.statements
    yield envelope.delivery
    arrived = world["support"].receive(envelope)
    branch = world["billing"].receive(journey.hand_over("billing"))
    branch.correct(Acme.full_name, f"{WORD}2")
    arrived.correct(Acme.full_name, f"{WORD}3")
    arrived.merge(branch.hand_over("support"))
    yield arrived
    yield arrived.context
    yield arrived.context.nodes
    for key in (*SAID, Acme.product, Acme.promise, Acme.told):
        yield arrived.fact(key, qualifier=WORD if key.field.many else None)
        yield arrived.facts(key, qualifier=WORD if key.field.many else None)
        yield arrived.gap(key, qualifier=WORD if key.field.many else None)
        question = Question(key=key, qualifier=WORD if key.field.many else None)
        yield question
        yield read_field(
            key.field,
            question.qualifier,
            context=arrived.context,
            now_s=world.clock.now_s,
        )
    yield arrived.needs(*SAID)
    yield arrived.explain()
    yield arrived.promises
    yield arrived.trail
    yield world.events
    yield world.domain
    yield world["support"]
    yield world["support"].keys
    yield world.ring
    yield Acme.full_name, Acme.order, Acme.fields["full_name"]


def test_no_object_shows_what_it_holds(world):
    """
    In repr, str, format and pretty-printing there is no value, qualifier or wording.

    rich does not ask for the repr of an attrs class, but for its fields.
    """
    for thing in everything(world):
        texts = [repr(thing), str(thing), f"{thing}", pprint.pformat(thing)]
        texts.append(pretty_repr(thing))
        for text in texts:
            assert_hidden(text)


def test_no_log_shows_what_an_object_holds(world, caplog):
    """
    Whatever is logged, with whatever format, shows nothing either.
    """
    logger = logging.getLogger("anywhere")
    with caplog.at_level(logging.DEBUG):
        for thing in everything(world):
            logger.debug("%s %r", thing, thing)
            logger.info(thing)
            logger.warning("", extra={"thing": thing})

    assert len(caplog.records) > 100
    assert_hidden(caplog.text)
    for record in caplog.records:
        assert_hidden(str(vars(record)))


def test_an_envelope_is_readable_to_nobody_without_keys(world):
    """
    Neither its text nor its bytes hold a sentinel.
    """
    envelope = spoken(world).hand_over("support")

    assert_hidden(str(envelope))
    assert_hidden(bytes(envelope).hex())
    assert WORD.encode() not in bytes(envelope)


def test_no_event_holds_what_a_customer_said(world):
    """
    A whole contact of every kind of event is free of values.
    """
    journey = spoken(world)
    journey.needs(*SAID, Acme.born)
    journey.asked(Acme.full_name, because=WORD)
    envelope = journey.hand_over("support")
    arrived = world["support"].receive(envelope)
    arrived.needs(*SAID, Acme.born)
    arrived.ask_once(Acme.full_name, input)
    arrived.asking(Acme.full_name)
    arrived.accept()
    (promise,) = arrived.promises
    arrived.observe(promise.id)
    journey.merge(arrived.hand_over("sales"))
    with cx.bound(journey):
        journey.miss(promise.id)
    kinds = {type(event).__name__ for event in world.events}

    assert {
        "Accepted",
        "Asked",
        "Avoided",
        "GapFound",
        "PromiseChanged",
        "Received",
        "Repeated",
        "Unsent",
    } <= kinds
    for event in world.events:
        assert_hidden(repr(attrs.asdict(event)))


# --- errors ------------------------------------------------------------------


@attrs.frozen
class Touchy:
    """
    A class of the user's own that quotes what it refuses.
    """

    text: str = attrs.field()

    @text.validator
    def _never(self, _attribute: Any, value: str) -> None:
        if value != "fine":
            msg = f"{value} is not fine"
            raise ValueError(msg)


class Strict(cx.Vocabulary, revision=1):
    """
    A vocabulary with a touchy value, and one that sales may not write.
    """

    contact = Acme.contact
    theirs = cx.Scope(2, readers={"sales", "billing"}, writers={"billing"})
    touchy = cx.Field(1, Touchy, scope=contact)
    names = cx.Field(2, list[str], scope=contact)
    theirs_too = cx.Field(3, str, scope=theirs)


class FailingSigner:
    """
    A KMS that cannot be reached.
    """

    def __init__(self, keys: PrivateKeys) -> None:
        (signer,) = keys.signers
        self.key_id = signer.key_id
        self.algorithm = signer.algorithm

    def sign(self, data: bytes) -> bytes:
        """
        Raise.
        """
        raise UnavailableError("the KMS")


def begun(world: World, name: str = "sales") -> cx.Journey[Any]:
    """
    Return a new journey.
    """
    return world[name].begin(channel="chat")


def strict(world: World) -> cx.Journey[Any]:
    """
    Return a new journey of the strict vocabulary.
    """
    return begun(World(world.ring, world.clock, vocabulary=Strict))


def late(world: World, **span: float) -> World:
    """
    Return the world after some time.
    """
    world.clock.advance(**span)
    return world


def unsignable(world: World) -> cx.Journey[Any]:
    """
    Return a journey whose department cannot sign, with something said.
    """
    keys = world.ring.private["sales"]
    failing = attrs.evolve(keys, signers=(FailingSigner(keys),))
    sales = world.domain.department("sales", keys=failing)
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, WORD)
    journey.learn(Acme.product, WORD, qualifier=WORD)
    journey.asked(Acme.email, because=WORD)
    return journey


def unsealable(world: World) -> cx.Journey[Any]:
    """
    Return a journey with something said, of a scope whose key seals no more.
    """
    journey = begun(world)
    journey.learn(Acme.full_name, WORD)
    journey.learn(Acme.order_number, WORD)
    world.clock.advance(days=31)
    return journey


def at(world: World, name: str, journey: Any, **arguments: Any) -> cx.Journey[Any]:
    """
    Return the journey as it arrives at the department *name*.
    """
    return world[name].receive(journey.hand_over(name), **arguments)


def full(world: World) -> cx.Journey[Any]:
    """
    Return a journey that holds no more.
    """
    journey = begun(world)
    journey.begun()
    while len(journey.context.statements) < MAX_STATEMENTS:
        journey.accept()
        journey.begun()
    return journey


def mine(answer: Any) -> Any:
    """
    Return an asker that gets this answer.
    """
    return lambda _question: answer


async def awaited(answer: Any) -> Any:
    """
    Return an answer, later.
    """
    await asyncio.sleep(0)
    return answer


def ask_async(journey: cx.Journey[Any], key: Any, answer: Any, **more: Any) -> None:
    """
    Ask for a field and wait for this answer.
    """
    asyncio.run(journey.ask_once_async(key, lambda _: awaited(answer), **more))


CARD = f"{WORD} 4111 1111 1111 1111"
LONG = WORD * 400
FAILURES: list[Any] = [
    # of type
    lambda world: begun(world).learn(Acme.attempts, WORD),
    lambda world: begun(world).learn(Acme.full_name, WORD.encode()),
    lambda world: begun(world).learn(Acme.items, (Item(5, WORD),)),
    lambda world: begun(world).learn(Acme.answers, {WORD: [WORD]}),
    lambda world: begun(world).learn(Acme.parcel, WORD),
    lambda world: begun(world).learn(Acme.payer, Address(WORD, WORD)),
    lambda world: begun(world).learn(Acme.photo, WORD.encode() * 2000),
    lambda world: strict(world).learn(Strict.touchy, WORD),
    lambda world: strict(world).learn(Strict.names, [WORD] * 4000),
    lambda world: begun(world).correct(Acme.attempts, WORD),
    lambda world: begun(world).learn(Acme.tier, WORD),
    # of format, and forbidden
    lambda world: begun(world).learn(Acme.email, WORD),
    lambda world: begun(world).learn(Acme.language, f"en-x-{WORD[:8]}"),
    lambda world: begun(world).learn(Acme.full_name, CARD),
    lambda world: begun(world).correct(Acme.answers, {CARD: 1}),
    lambda world: begun(world).learn(Acme.product, "x", qualifier=CARD),
    lambda world: begun(world).asked(Acme.email, because=CARD),
    lambda world: begun(world).promise("x", wording=CARD),
    # of authority, keys and room
    lambda world: begun(world, "support").learn(Acme.card_last4, WORD),
    lambda world: begun(world, "support").correct(Acme.card_last4, WORD),
    lambda world: strict(world).learn(Strict.theirs_too, WORD),
    lambda world: begun(world).learn(Acme.account, WORD, known=Known.VERIFIED),
    lambda world: begun(world).learn(Acme.score, 1.0 * NUMBER, known=Known.STATED),
    lambda world: begun(world).learn(Acme.full_name, WORD, known=2),
    lambda world: begun(late(world, days=31)).learn(Acme.full_name, WORD),
    lambda world: begun(late(world, days=31)).asked(Acme.full_name, because=WORD),
    lambda world: full(world).learn(Acme.full_name, WORD),
    lambda world: full(world).asked(Acme.full_name, because=WORD),
    # of time
    lambda world: begun(world).learn(
        Acme.full_name, WORD, at=START + timedelta(days=1)
    ),
    # of qualifiers
    lambda world: begun(world).learn(Acme.full_name, WORD, qualifier=WORD),
    lambda world: begun(world).learn(Acme.product, WORD, qualifier=LONG),
    lambda world: begun(world).correct(Acme.product, WORD, qualifier=LONG),
    lambda world: begun(world).recall(Acme.full_name, qualifier=WORD),
    lambda world: begun(world).fact(Acme.full_name, qualifier=WORD),
    lambda world: begun(world).facts(Acme.full_name, qualifier=WORD),
    lambda world: begun(world).gap(Acme.full_name, qualifier=WORD),
    lambda world: begun(world).retract(Acme.full_name, qualifier=WORD),
    lambda world: begun(world).retract(Acme.product, qualifier=LONG),
    lambda world: begun(world).confirm(Acme.full_name, qualifier=WORD),
    lambda world: begun(world).confirm(Acme.product, qualifier=WORD),
    lambda world: begun(world).refused(Acme.full_name, qualifier=WORD),
    lambda world: begun(world).does_not_know(Acme.product, qualifier=LONG),
    lambda world: begun(world).asking(Acme.full_name, qualifier=WORD),
    # of asking
    lambda world: begun(world).asked(Acme.full_name, because=LONG),
    lambda world: begun(world).ask_once(Acme.attempts, mine(WORD)),
    lambda world: begun(world).ask_once(Acme.full_name, mine(CARD)),
    lambda world: begun(world).ask_once(Acme.full_name, mine(WORD), qualifier=WORD),
    lambda world: begun(world).ask_once(Acme.product, mine(5), qualifier=WORD),
    lambda world: ask_async(begun(world), Acme.attempts, WORD),
    lambda world: ask_async(begun(world), Acme.product, 5, qualifier=WORD),
    lambda world: ask_async(begun(world), Acme.full_name, WORD, qualifier=WORD),
    # of what was said before
    lambda world: at(world, "ivr", spoken(world)).confirm(Acme.order_number),
    lambda world: at(world, "ivr", spoken(world)).restate(
        spoken(world, "sales"), Acme.order_number
    ),
    lambda world: at(world, "support", spoken(world)).restate(
        at(world, "billing", spoken(world)), Acme.card_last4
    ),
    lambda world: spoken(world).merge(spoken(world)),
    lambda world: spoken(world).merge(bytes(spoken(world).hand_over("support"))),
    lambda world: spoken(world).hand_over("carrier"),
    lambda world: spoken(world).export_to("carrier", Acme.full_name),
    lambda world: spoken(world).accept_from(b"", export=""),
    lambda world: spoken(world).keep("sales/unknown"),
    # of promises, consent and identity
    lambda world: begun(world).promise("x", wording=LONG),
    lambda world: begun(world).promise(LONG, wording=WORD),
    lambda world: begun(world).promise(
        "x",
        wording=WORD,
        due=datetime(2026, 1, 1),  # noqa: DTZ001
    ),
    lambda world: begun(world).promise("x", wording=WORD, owner="nobody"),
    lambda world: begun(world, "ivr").promise("x", wording=WORD),
    lambda world: begun(world).consent(LONG),
    lambda world: begun(world).withdraw(LONG),
    lambda world: begun(world).verify_identity("otp", evidence_type=WORD),
    lambda world: begun(world, "support").verify_identity(
        "otp", evidence_digest=WORD.encode()
    ),
    # of sealing and carrying
    lambda world: unsignable(world).hand_over("support"),
    lambda world: unsignable(world).save(),
    lambda world: unsignable(world).fork(),
    lambda world: unsignable(world).begun(),
    lambda world: unsignable(world).seal_for_rest(),
    lambda world: unsealable(world).hand_over("support"),
    lambda world: unsealable(world).save(),
    lambda world: unsealable(world).merge(begun(world)),
    # of Python itself
    lambda world: begun(world).learn(Acme.full_name, WORD, since=WORD),
    lambda world: begun(world).promise(WORD),
]


def shown(error: BaseException) -> str:
    """
    Return the traceback with the locals of all frames but those of this file.
    """
    details = traceback.TracebackException.from_exception(error, capture_locals=True)
    chain = [details]
    while chain:
        each = chain.pop()
        each.stack[:] = [frame for frame in each.stack if frame.filename != __file__]
        chain += [link for link in (each.__cause__, each.__context__) if link]
    return "".join(details.format())


@pytest.mark.parametrize("number", range(len(FAILURES)))
def test_no_error_shows_what_the_verb_was_called_with(world, number, caplog):
    """
    Neither the message nor the traceback, with locals, nor the logged error has it.
    """
    with pytest.raises((CXContextError, TypeError)) as caught:
        FAILURES[number](world)
    logging.getLogger("anywhere").error("failed", exc_info=caught.value)

    for text in (str(caught.value), repr(caught.value), shown(caught.value)):
        assert_hidden(text)
    assert "/cxcontext/" in shown(caught.value)
    assert_hidden(caplog.text)


def test_a_users_own_check_may_quote_and_is_not_quoted(world):
    """
    What a user's class says of a value that it refuses goes no further.
    """
    journey = strict(world)
    loose: Any = Touchy("fine")
    object.__setattr__(loose, "text", WORD)
    with pytest.raises(UsageError) as caught:
        journey.learn(Strict.touchy, loose)

    assert_hidden(shown(caught.value))


def test_the_frames_stay_for_whoever_looks_for_the_line(sales):
    """
    What is forgotten are the locals; the traceback still says where it was raised.
    """
    with pytest.raises(UsageError) as caught:
        sales.begin(channel="chat").learn(Acme.attempts, WORD)

    functions = [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert {"learn", "to_wire"} <= set(functions)


def test_the_callers_own_frames_keep_their_locals(sales):
    """
    Whoever calls keeps what is theirs, for their own debugger.
    """
    precious = "kept"
    with pytest.raises(UsageError) as caught:
        sales.begin(channel="chat").learn(Acme.attempts, WORD)

    assert "kept" == caught.tb.tb_frame.f_locals["precious"] == precious


def test_what_arrives_and_does_not_verify_shows_nothing(world):
    """
    A tampered envelope is refused without a word of what is in it.
    """
    raw = bytearray(bytes(spoken(world).hand_over("support")))
    raw[len(raw) // 2] ^= 1
    with pytest.raises(CXContextError) as caught:
        world["support"].receive(bytes(raw))

    assert_hidden(shown(caught.value))


def test_a_doubtful_arrival_shows_nothing_to_whoever_reads(world):
    """
    Under a hint, what may not be recalled is in no object that reading returns.
    """
    hinted = at(world, "support", spoken(world), arrival=Arrival.HINT)

    for key in SAID:
        assert hinted.recall(key) is None
        assert hinted.fact(key) is None
    assert_hidden(repr(hinted.explain()) + repr(hinted.needs(*SAID)))


def test_the_sentinels_are_really_said():
    """
    The tests above would pass if nothing had been said at all; but it has.
    """
    world = World(ring_of(), Clock())
    arrived = at(world, "support", spoken(world))

    assert WORD == arrived.recall(Acme.full_name)
    assert NUMBER == arrived.recall(Acme.attempts)
    assert {WORD: WORD} == arrived.recall_all(Acme.product)
    assert WORD == arrived.promises[0].wording
    assert len(INTERNAL) == len(Acme.contact.readers)
