"""
The valid vectors: every feature of the format, and every limit's last value.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cxcontext.core.journey import Journey
from cxcontext.core.known import Arrival, Known
from cxcontext.core.standard import (
    AuthenticatorAssurance,
    ContactPreference,
    Entitlement,
    IdentityAssurance,
    ReasonForContact,
    Sentiment,
    Told,
    ToldKind,
)
from making.forging import (
    CLAIMS,
    PRIVATE,
    Tag,
    digest,
    encode,
    flip,
    pad,
    withheld,
)
from making.vector import Gap, Vector, Workshop, valid
from making.world import (
    DAY_S,
    LIFETIME_S,
    NOW,
    START,
    Acme,
    Address,
    Company,
    Item,
    Size,
    Tier,
)

STATED, OBSERVED, INFERRED, VERIFIED = (
    Known.STATED,
    Known.OBSERVED,
    Known.INFERRED,
    Known.VERIFIED,
)

# --- one statement, and what it says -----------------------------------------


@valid
def one_statement(shop: Workshop) -> Vector:
    """
    One department begins a journey, learns two things, and hands it over.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.full_name, "Alex Doe")
    return Vector(
        envelope=journey.hand_over("support"),
        recalls={
            "order_number": "A-118",
            "full_name": "Alex Doe",
            "gift": Gap("never_stated"),
        },
    )


@valid
def nothing_learned(shop: Workshop) -> Vector:
    """
    A root without sections: nobody has said anything yet.
    """
    journey = shop.world()["ivr"].begin(channel="phone")
    return Vector(
        envelope=journey.hand_over("support"),
        recalls={"full_name": Gap("never_stated")},
        reads={"sender": "ivr"},
    )


@valid
def every_declared_type(shop: Workshop) -> Vector:
    """
    A value of every type that a vocabulary can declare.
    """
    journey = shop.world()["support"].begin(channel="web")
    journey.learn(Acme.born, date(1969, 12, 31))
    journey.learn(Acme.deliver_to, Address("1 Main Street", "Springfield", floor=3))
    journey.learn(
        Acme.items,
        (Item("Tent", Decimal("129.90")), Item("Mat", Decimal(15), Size.LARGE)),
    )
    journey.learn(Acme.gift, value=True)
    journey.learn(Acme.photo, b"\x89PNG\r\n")
    journey.learn(Acme.payer, Company("Doe Ltd", vat="GB123"))
    journey.learn(Acme.weight, 2.5)
    journey.learn(Acme.dimensions, (40, 30, -1))
    journey.learn(Acme.attempts, 2**53)
    journey.learn(Acme.callback_at, datetime(2026, 1, 2, 9, 30, tzinfo=UTC))
    journey.learn(Acme.answers, {"how": "by phone", "times": 3})
    journey.learn(Acme.notice, ["first", "zweitens: äöü", "三"])
    journey.learn(Acme.parcel, "sent")
    journey.learn(Acme.tracking, "1Z 999")
    return Vector(
        envelope=journey.hand_over("support"),
        recalls={
            "born": {"day": "1969-12-31"},
            "gift": True,
            "photo": {"bytes": "89504e470d0a"},
            "weight": {"float": 2.5},
            "dimensions": [40, 30, -1],
            "attempts": {"integer": str(2**53)},
            "callback_at": {"instant": "2026-01-02T09:30:00Z"},
            "parcel": "sent",
        },
    )


SCALARS: tuple[Any, ...] = (
    *(0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53, 2**63 - 1),
    *(-1, -24, -25, -256, -257, -(2**32) - 1, -(2**53), -(2**63)),
    *(0.0, -0.0, 1.5, 65504.0, 5.960464477539063e-8, 100000.0, 1e10),
    *(3.4028234663852886e38, 1.401298464324817e-45, 0.1, 1e300, 5e-324, -1e-7),
    *("", "a", "ü", "水", "\U00010151", "\ufeff", "\0", "x" * 300),
    *(b"", b"\0", bytes(range(256))),
    *(None, True, False, [], {}, [[], {}], {1: "a", -1: "b", "a": 1, "": 2, 24: 3}),
    *(Tag(1, 0), Tag(1, -1), Tag(1, 253_402_300_799), Tag(1, -62_135_596_800)),
    *(
        Tag(0, text)
        for text in (
            "2026-01-01T00:00:00.000001Z",
            "1969-12-31T23:59:59.999999Z",
            "0001-01-01T00:00:00.500000Z",
            "9999-12-31T23:59:59.999999Z",
        )
    ),
    *(Tag(100, 0), Tag(100, -1), Tag(100, 2_932_896), Tag(100, -719_162)),
    *(Tag(4, [-2, 1050]), Tag(4, [0, 0]), Tag(4, [-2, 0]), Tag(4, [3, -7])),
    *(Tag(4, [64, 1]), Tag(4, [-64, 2**63 - 1]), Tag(4, [1, -(2**63)])),
)


@valid
def every_scalar(shop: Workshop) -> Vector:
    """
    Every sort of scalar at its edges, in fields that the vocabulary does not have.
    """
    fields: dict[int, Any] = {}
    for number, value in enumerate(SCALARS, start=1000):
        bare = not isinstance(value, (list, dict))
        fields[number] = value if bare else {0: value}
    # At most 64 entries are in a map.
    numbers = list(fields)
    halves = [{n: fields[n] for n in numbers[i::2]} for i in range(2)]
    forge = shop.forge()
    root = forge.statement(says={1: halves[0], 2: halves[1]})
    return Vector(envelope=forge.envelope(root))


@valid
def several_scopes(shop: Workshop) -> Vector:
    """
    Five scopes in one statement; the reader holds the keys of four of them.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.email, "alex@Example.com")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.card_last4, "4242")
    journey.learn(Acme.balance, Decimal("10.50"))
    journey.learn(Acme.account, "ACC-1")
    journey.learn(Acme.tracking, "1Z 999")
    return Vector(
        envelope=journey.hand_over("billing"),
        to="billing",
        recalls={
            "card_last4": "4242",
            "balance": {"decimal": [-2, "1050"]},
            "email": "alex@Example.com",
            "account": "ACC-1",
        },
    )


@valid
def one_scope_of_five(shop: Workshop) -> Vector:
    """
    The same five scopes at a reader who holds the key of one.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.phone, "+33123456789")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.card_last4, "4242")
    journey.learn(Acme.account, "ACC-1")
    journey.learn(Acme.tracking, "1Z 999")
    return Vector(
        envelope=journey.hand_over("ivr"),
        to="ivr",
        recalls={"phone": "+33123456789"},
    )


@valid
def clear_facts(shop: Workshop) -> Vector:
    """
    Three facts in the clear claims: a language tag, an enumeration, a boolean.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.language, "en-GB")
    journey.learn(Acme.tier, Tier.GOLD)
    journey.learn(Acme.newsletter, value=False)
    return Vector(
        envelope=journey.hand_over("ivr"),
        to="ivr",
        recalls={"language": "en-GB", "tier": "gold", "newsletter": False},
    )


@valid
def clear_facts_with_provenance(shop: Workshop) -> Vector:
    """
    Clear facts observed a while ago and reported by others, one retracted, and two
    of fields that are not clear, which are not read.
    """
    forge = shop.forge()
    root = forge.statement(clear={-1: "fr", 5: "basic"})
    child = forge.statement(
        root,
        by="support",
        iat=NOW + 5,
        clear={-1: {0: "de", 1: 1, 2: 60, 4: "carrier"}, 5: {}, 2: "a@b.example"},
    )
    return Vector(
        envelope=forge.envelope(root, child, iat=NOW + 5),
        now=NOW + 5,
        recalls={
            # Observed is less sure than stated, and by somebody else.
            "language": Gap("conflict"),
            "tier": Gap("never_stated"),
            "email": Gap("never_stated"),
        },
    )


@valid
def marks(shop: Workshop) -> Vector:
    """
    What was asked, and why, what the customer refused to say and does not know.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.asked(Acme.full_name, because="the parcel came back")
    journey.refused(Acme.full_name)
    journey.does_not_know(Acme.order_number)
    journey.refused(Acme.product, qualifier="second")
    world.clock.advance(seconds=30)
    journey.learn(Acme.email, "alex@example.com")
    return Vector(
        envelope=journey.hand_over("support"),
        now=NOW + 30,
        recalls={
            "full_name": Gap("refused"),
            "order_number": Gap("customer_does_not_know"),
            "email": "alex@example.com",
        },
    )


@valid
def marks_of_a_clear_field(shop: Workshop) -> Vector:
    """
    What is said of a clear field stands in the claims, but its marks are sealed.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.refused(Acme.language)
    journey.learn(Acme.tier, Tier.BASIC)
    journey.does_not_know(Acme.tier)
    return Vector(
        envelope=journey.hand_over("support"),
        recalls={"language": Gap("refused"), "tier": "basic"},
    )


@valid
def many_values(shop: Workshop) -> Vector:
    """
    A field with many values, each with its qualifier, and one without.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.product, "tent")
    journey.learn(Acme.product, "mat", qualifier="second")
    journey.learn(Acme.product, "stove", qualifier="dritte: ü\U0001f525")
    journey.learn(Acme.product, "lamp", qualifier="x" * 64)
    return Vector(
        envelope=journey.hand_over("support"),
        recalls={"product": "tent", "product/second": "mat"},
    )


@valid
def standard_fields(shop: Workshop) -> Vector:
    """
    Each of the standard fields that has no verb of its own, and identity.
    """
    journey = shop.world()["support"].begin(channel="phone")
    journey.learn(Acme.language, "zh-Hant-TW")
    journey.learn(
        Acme.contact_by, ContactPreference(by="email", never_by=("phone", "post"))
    )
    journey.learn(Acme.reason, ReasonForContact(code="refund", wording="My money"))
    journey.learn(
        Acme.entitlement,
        Entitlement(level="gold", expires_at=START + timedelta(days=9)),
    )
    journey.learn(Acme.accessibility, "large print", qualifier="letters")
    journey.learn(Acme.accessibility, "text relay", qualifier="calls")
    journey.learn(
        Acme.told,
        Told(
            kind=ToldKind.PRICE,
            wording="It costs 20 euros",
            amount=Decimal("20.00"),
            currency="EUR",
            valid_until=START + timedelta(days=2),
        ),
        qualifier="quote",
    )
    journey.learn(Acme.sentiment, Sentiment.FRUSTRATED)
    journey.verify_identity(
        "otp",
        "sms",
        identity_assurance=IdentityAssurance.IAL2,
        authenticator_assurance=AuthenticatorAssurance.AAL1,
        evidence_type="passport",
        evidence_digest=digest(b"salted evidence"),
    )
    return Vector(
        envelope=journey.hand_over("sales"),
        to="sales",
        recalls={
            "language": "zh-Hant-TW",
            "reason": ["refund", "My money"],
            "accessibility/calls": "text relay",
            "sentiment": "frustrated",
        },
    )


@valid
def standard_fields_at_their_shortest(shop: Workshop) -> Vector:
    """
    The arrays of standard values with every trailing default left out.
    """
    journey = shop.world()["support"].begin(channel="phone")
    journey.learn(Acme.contact_by, ContactPreference())
    journey.learn(Acme.reason, ReasonForContact(code="refund"))
    journey.learn(Acme.entitlement, Entitlement(level="gold"))
    journey.learn(Acme.told, Told(kind=ToldKind.OFFER, wording="Half the price"))
    journey.verify_identity("kba")
    return Vector(
        envelope=journey.hand_over("sales"),
        to="sales",
        recalls={"contact_by": [], "reason": ["refund"], "identity": [["kba"]]},
    )


# --- several statements ------------------------------------------------------


@valid
def three_hops(shop: Workshop) -> Vector:
    """
    Sales to support to billing and back to sales, each adding something.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    world.clock.advance(seconds=60)
    second = world["support"].receive(journey.hand_over("support"))
    second.learn(Acme.full_name, "Alex Doe")
    second.accept()
    world.clock.advance(seconds=60)
    third = world["billing"].receive(str(second.hand_over("billing")), channel="phone")
    third.learn(Acme.account, "ACC-1", known=VERIFIED)
    world.clock.advance(seconds=60)
    return Vector(
        envelope=third.hand_over("sales"),
        to="sales",
        now=NOW + 180,
        recalls={
            "order_number": "A-118",
            "full_name": "Alex Doe",
            "account": "ACC-1",
        },
        reads={"sender": "billing"},
    )


@valid
def two_heads(shop: Workshop) -> Vector:
    """
    Two branches that learned different things and nobody has built upon yet.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    fork = journey.fork()
    fork.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.email, "alex@example.com")
    journey.merge(fork)
    return Vector(
        envelope=journey.hand_over("support"),
        recalls={"full_name": "Alex Doe", "email": "alex@example.com"},
    )


@valid
def a_fork_merged(shop: Workshop) -> Vector:
    """
    Two branches of one department, merged, and a statement that builds upon both.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    fork = journey.fork()
    world.clock.advance(seconds=10)
    fork.learn(Acme.order_number, "A-119")
    fork.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.order_number, "A-120")
    journey.merge(fork)
    world.clock.advance(seconds=10)
    journey.correct(Acme.order_number, "A-121")
    return Vector(
        envelope=journey.hand_over("support"),
        now=NOW + 20,
        recalls={"order_number": "A-121", "full_name": "Alex Doe"},
    )


@valid
def correction(shop: Workshop) -> Vector:
    """
    Another department states another value, no less surely: it supersedes.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    second = world["support"].receive(journey.hand_over("support"))
    second.correct(Acme.order_number, "B-2")
    return Vector(
        envelope=second.hand_over("billing"),
        to="billing",
        recalls={"order_number": "B-2"},
    )


@valid
def retraction(shop: Workshop) -> Vector:
    """
    What was said does not hold, and nothing is said instead.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    second = world["support"].receive(journey.hand_over("support"))
    second.retract(Acme.order_number)
    return Vector(
        envelope=second.hand_over("billing"),
        to="billing",
        recalls={"order_number": Gap("never_stated")},
    )


@valid
def conflict(shop: Workshop) -> Vector:
    """
    Two branches state different values: neither is recalled.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    fork = journey.fork()
    fork.learn(Acme.order_number, "A-118")
    journey.learn(Acme.order_number, "A-811")
    journey.merge(fork)
    return Vector(
        envelope=journey.hand_over("support"),
        recalls={"order_number": Gap("conflict")},
    )


@valid
def conflict_with_a_retraction(shop: Workshop) -> Vector:
    """
    One branch retracts what another corrects: a retraction differs from any value.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    fork = journey.fork()
    fork.retract(Acme.order_number)
    journey.correct(Acme.order_number, "A-811")
    journey.merge(fork)
    return Vector(
        envelope=journey.hand_over("support"),
        recalls={"order_number": Gap("conflict")},
    )


@valid
def conflict_with_what_is_verified(shop: Workshop) -> Vector:
    """
    Billing verified an account; what support states later does not supersede it.
    """
    world = shop.world()
    journey = world["billing"].begin(channel="phone")
    journey.learn(Acme.account, "ACC-1", known=VERIFIED)
    second = world["support"].receive(journey.hand_over("support"))
    second.correct(Acme.account, "ACC-2")
    return Vector(
        envelope=second.hand_over("sales"),
        to="sales",
        recalls={"account": Gap("conflict")},
    )


@valid
def authority(shop: Workshop) -> Vector:
    """
    A department with authority supersedes what another states more surely.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="phone")
    journey.learn(Acme.entitlement, Entitlement(level="silver"))
    second = world["billing"].receive(journey.hand_over("billing"))
    second.correct(Acme.entitlement, Entitlement(level="gold"), known=OBSERVED)
    return Vector(
        envelope=second.hand_over("support"),
        recalls={"entitlement": ["gold"]},
    )


@valid
def less_sure_does_not_supersede(shop: Workshop) -> Vector:
    """
    Observed later by another department: it stands beside what was stated.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="phone")
    journey.learn(Acme.attempts, 2)
    second = world["support"].receive(journey.hand_over("support"))
    second.correct(Acme.attempts, 3, known=OBSERVED)
    return Vector(
        envelope=second.hand_over("billing"),
        to="billing",
        recalls={"attempts": Gap("conflict")},
    )


@valid
def less_sure_by_the_same_department(shop: Workshop) -> Vector:
    """
    Observed later by the same department: it supersedes what that had stated.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="phone")
    journey.learn(Acme.attempts, 2)
    journey.hand_over("support")
    journey.correct(Acme.attempts, 3, known=OBSERVED)
    return Vector(
        envelope=journey.hand_over("billing"), to="billing", recalls={"attempts": 3}
    )


@valid
def inferred(shop: Workshop) -> Vector:
    """
    What is inferred supersedes only what is inferred, and gives way to anything surer.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="phone")
    journey.learn(Acme.attempts, 2)
    journey.learn(Acme.score, 0.25)
    second = world["support"].receive(journey.hand_over("support"))
    second.correct(Acme.attempts, 9, known=INFERRED)
    second.correct(Acme.score, 0.75)
    return Vector(
        envelope=second.hand_over("billing"),
        to="billing",
        recalls={"attempts": 2, "score": {"float": 0.75}},
    )


@valid
def inferred_only(shop: Workshop) -> Vector:
    """
    A field that is only inferred: what somebody claims to have verified is read so.
    """
    forge = shop.forge()
    root = forge.statement(says={4: {32: {0: 0.5, 1: 3}}})
    child = forge.statement(root, by="support", says={4: {32: {0: 0.25, 1: 0}}})
    return Vector(
        envelope=forge.envelope(root, child), recalls={"score": {"float": 0.25}}
    )


@valid
def verified_by_no_verifier(shop: Workshop) -> Vector:
    """
    Sales claims to have verified an account, and is no verifier: read as stated.
    """
    forge = shop.forge()
    root = forge.statement(says={4: {30: {0: "ACC-1", 1: 3}}})
    child = forge.statement(root, by="support", says={4: {30: "ACC-2"}})
    return Vector(envelope=forge.envelope(root, child), recalls={"account": "ACC-2"})


@valid
def identity_that_was_only_stated(shop: Workshop) -> Vector:
    """
    Sales says that the customer was verified, and is no verifier: it is not recalled.
    """
    forge = shop.forge()
    root = forge.statement(says={1: {-6: {0: [["otp"]], 1: 3}}})
    return Vector(
        envelope=forge.envelope(root), recalls={"identity": Gap("not_verified")}
    )


@valid
def no_writer(shop: Workshop) -> Vector:
    """
    Ivr holds no right to write orders: what it says of them is not believed, and
    does not unsettle what others say.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: "A-118"}})
    child = forge.statement(root, by="ivr", says={2: {10: "A-666", 13: True}})
    return Vector(
        envelope=forge.envelope(root, child),
        recalls={"order_number": "A-118", "gift": Gap("never_stated")},
    )


@valid
def former_writer(shop: Workshop) -> Vector:
    """
    Sales once wrote notes: what it said is still read.
    """
    forge = shop.forge()
    root = forge.statement(says={5: {40: "prefers mornings"}})
    return Vector(envelope=forge.envelope(root), recalls={"note": "prefers mornings"})


@valid
def a_field_of_another_scope(shop: Workshop) -> Vector:
    """
    A section carries only fields of its scope: the others in it are not read.
    """
    forge = shop.forge()
    root = forge.statement(says={1: {1: "Alex Doe", 10: "A-118", 5: "gold"}})
    return Vector(
        envelope=forge.envelope(root),
        recalls={
            "full_name": "Alex Doe",
            "order_number": Gap("never_stated"),
            "tier": Gap("never_stated"),
        },
    )


@valid
def a_value_of_another_type(shop: Workshop) -> Vector:
    """
    A number where the vocabulary has text cannot be read; what follows it counts.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: 118, 13: "yes"}})
    child = forge.statement(root, says={2: {10: "A-118"}})
    return Vector(
        envelope=forge.envelope(root, child),
        recalls={"order_number": "A-118", "gift": Gap("unreadable")},
    )


@valid
def equal_values_said_differently(shop: Workshop) -> Vector:
    """
    Two branches say the same amount, account number and address differently
    written: no conflict.
    """
    forge = shop.forge()
    root = forge.statement()
    one = forge.statement(
        root,
        by="billing",
        says={
            1: {2: "alex@EXAMPLE.com", 3: "+33 1 23 45 67 89"},
            2: {16: 10.0},
            3: {21: Tag(4, [-1, 100]), 22: "GB82 WEST 1234 5698 7654 32"},
        },
    )
    other = forge.statement(
        root,
        by="sales",
        iat=NOW + 1,
        says={
            1: {2: "alex@example.com", 3: "+33123456789"},
            2: {16: 10},
            3: {21: Tag(4, [0, 10]), 22: "GB82WEST12345698765432"},
        },
    )
    return Vector(
        envelope=forge.envelope(root, one, other, to="billing"),
        to="billing",
        recalls={
            "balance": {"decimal": [0, "10"]},
            "iban": "GB82WEST12345698765432",
            "weight": 10,
            "email": "alex@example.com",
            "phone": "+33123456789",
        },
    )


@valid
def equal_values_shown_by_id(shop: Workshop) -> Vector:
    """
    Of equal values, equally sure and equally old, that of the smallest id is shown.
    """
    forge = shop.forge()
    root = forge.statement()
    branches = [
        forge.statement(root, by=name, says={3: {21: value}})
        for name, value in (
            ("sales", Tag(4, [-1, 100])),
            ("billing", Tag(4, [0, 10])),
            ("sales", Tag(4, [-2, 1000])),
        )
    ]
    return Vector(envelope=forge.envelope(root, *branches, to="billing"), to="billing")


@valid
def restated(shop: Workshop) -> Vector:
    """
    Values of another journey, in the words of those who said them, with their age.
    """
    world = shop.world()
    other = world["support"].begin(channel="chat")
    other.learn(Acme.full_name, "Alex Doe")
    other.learn(Acme.order_number, "A-118", at=START - timedelta(days=5))
    there = world["sales"].receive(other.hand_over("sales"))
    world.clock.advance(hours=1)
    journey = world["sales"].begin(channel="phone")
    journey.restate(there, Acme.full_name, Acme.order_number)
    return Vector(
        envelope=journey.hand_over("support"),
        now=NOW + 3600,
        recalls={"full_name": "Alex Doe", "order_number": "A-118"},
    )


@valid
def a_stale_value(shop: Workshop) -> Vector:
    """
    An order number is good for 30 days: one of 31 days ago is not recalled.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118", at=START - timedelta(days=31))
    journey.learn(Acme.full_name, "Alex Doe", at=START - timedelta(days=31))
    return Vector(
        envelope=journey.hand_over("support"),
        recalls={"order_number": Gap("stale"), "full_name": "Alex Doe"},
    )


# --- what cannot be read -----------------------------------------------------


@valid
def withheld_from_the_next(shop: Workshop) -> Vector:
    """
    Orders were left out for ivr, who may not read them; support finds the gap.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.card_last4, "4242")
    ivr = world["ivr"].receive(
        journey.hand_over("ivr", withhold=[Acme.order, Acme.payment])
    )
    return Vector(
        envelope=ivr.hand_over("support"),
        recalls={"order_number": Gap("withheld"), "full_name": "Alex Doe"},
    )


@valid
def a_withheld_correction_unsettles(shop: Workshop) -> Vector:
    """
    What stands is not recalled while a later section of its scope is withheld.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: "A-118"}, 1: {1: "Alex Doe"}})
    child = forge.statement(root, by="billing", says={2: {10: "A-119"}})
    return Vector(
        envelope=forge.envelope(root, withheld(child, 2)),
        recalls={"order_number": Gap("withheld"), "full_name": "Alex Doe"},
    )


@valid
def said_again_it_is_settled(shop: Workshop) -> Vector:
    """
    Whatever the withheld section holds: what is stated after it supersedes it.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: "A-118"}})
    child = forge.statement(root, by="billing", says={2: {10: "A-119"}})
    again = forge.statement(child, by="support", says={2: {10: "A-118"}})
    return Vector(
        envelope=forge.envelope(root, withheld(child, 2), again),
        recalls={"order_number": "A-118", "gift": Gap("withheld")},
    )


@valid
def what_may_be_verified_is_not_settled(shop: Workshop) -> Vector:
    """
    A withheld section of a verifier may hold a verified value: stating does not
    settle it, but verifying does.
    """
    forge = shop.forge()
    root = forge.statement(by="support", says={1: {3: "+33123456789", 1: "Alex"}})
    child = forge.statement(root, says={1: {3: "+33123456780", 1: "Alex Doe"}})
    third = forge.statement(child, by="ivr", says={1: {4: Tag(100, -1)}})
    return Vector(
        envelope=forge.envelope(withheld(root, 1), child, third),
        recalls={"phone": Gap("withheld"), "full_name": "Alex Doe"},
    )


@valid
def generations(shop: Workshop) -> Vector:
    """
    Orders are sealed to a second generation, which support was not given.
    """
    world = shop.world("acme-rotated")
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.full_name, "Alex Doe")
    return Vector(
        envelope=journey.hand_over("support"),
        keys="acme-rotated",
        recalls={"order_number": Gap("unreadable"), "full_name": "Alex Doe"},
    )


@valid
def an_older_generation(shop: Workshop) -> Vector:
    """
    A section of each generation of a scope, at a reader who has both keys.
    """
    forge = shop.forge("acme-rotated")
    root = forge.statement(says={2: {10: "A-118"}})
    child = forge.statement(
        root,
        by="support",
        sealing=lambda protected: {
            2: forge.seal(
                pad(encode({10: "A-119"})), scope=2, protected=protected, generation=2
            )
        },
    )
    return Vector(
        envelope=forge.envelope(root, child, to="billing"),
        to="billing",
        keys="acme-rotated",
        recalls={"order_number": "A-119"},
    )


@valid
def a_key_past_its_time(shop: Workshop) -> Vector:
    """
    From open_until on a generation's key opens nothing, though the file has it.
    """
    forge = shop.forge(now=NOW + 120 * DAY_S)
    root = forge.statement(says={2: {10: "A-118"}})
    return Vector(
        envelope=forge.envelope(root),
        now=NOW + 120 * DAY_S,
        recalls={"order_number": Gap("unreadable")},
    )


@valid
def an_unknown_author(shop: Workshop) -> Vector:
    """
    The reader's key set is from before ivr: its statement is kept, and not read.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.full_name, "Alex")
    journey.learn(Acme.language, "en")
    ivr = world["ivr"].receive(journey.hand_over("ivr"))
    ivr.correct(Acme.full_name, "Alex Doe")
    ivr.correct(Acme.language, "fr")
    back = world["sales"].receive(ivr.hand_over("sales"))
    back.learn(Acme.email, "alex@example.com")
    return Vector(
        envelope=back.hand_over("support"),
        keys="acme-before-ivr",
        recalls={
            "order_number": "A-118",
            "full_name": Gap("unknown_author"),
            "language": Gap("unknown_author"),
            "email": "alex@example.com",
            # Ivr might have verified it, and the field has verifiers.
            "phone": Gap("unknown_author"),
        },
    )


@valid
def a_newer_revision(shop: Workshop) -> Vector:
    """
    The reader's vocabulary is a revision behind: ivr did not write care yet, and
    phone numbers were numbers.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.phone, "+33123456789")
    ivr = world["ivr"].receive(journey.hand_over("ivr"))
    ivr.learn(Acme.reason, ReasonForContact(code="refund"))
    return Vector(
        envelope=ivr.hand_over("support"),
        vocabulary="acme-3",
        recalls={
            "full_name": "Alex Doe",
            "phone": Gap("newer_vocabulary"),
            "reason": Gap("newer_vocabulary"),
        },
    )


@valid
def a_section_that_does_not_open(shop: Workshop) -> Vector:
    """
    One section is rubbish, sealed and signed by an insider: it cannot be read, and
    the rest can.
    """
    forge = shop.forge()
    root = forge.statement(says={1: {1: "Alex Doe"}})
    child = forge.statement(root, raw={2: encode([1, bytes(80)])})
    third = forge.statement(child, padded={4: bytes(32)})
    return Vector(
        envelope=forge.envelope(root, child, third),
        recalls={
            "full_name": "Alex Doe",
            "order_number": Gap("unreadable"),
            "attempts": Gap("unreadable"),
        },
    )


@valid
def scopes_of_others(shop: Workshop) -> Vector:
    """
    Sixteen sections, most of scopes that this vocabulary does not have.
    """
    forge = shop.forge()
    unknown = {scope: encode([7, bytes(48)]) for scope in range(65521, 65536)}
    root = forge.statement(says={2: {10: "A-118"}}, raw=unknown)
    return Vector(envelope=forge.envelope(root), recalls={"order_number": "A-118"})


# --- promises and consent ----------------------------------------------------


def _promising(shop: Workshop) -> tuple[Any, Journey[Any], str]:
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    made = journey.promise(
        "refund",
        wording="Your refund by Friday",
        owner="billing",
        due=START + timedelta(days=3),
        due_from=START + timedelta(days=1),
    )
    return world, journey, made.id


@valid
def a_promise_of_ones_own(shop: Workshop) -> Vector:
    """
    A department promises something in its own name: open at once.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.promise("callback", wording="We call you tomorrow")
    return Vector(envelope=journey.hand_over("support"))


@valid
def a_promise_proposed(shop: Workshop) -> Vector:
    """
    Sales promises in billing's name, which has not accepted it.
    """
    _, journey, _ = _promising(shop)
    return Vector(envelope=journey.hand_over("billing"), to="billing")


@valid
def a_promise_kept(shop: Workshop) -> Vector:
    """
    Billing accepts what sales promised, moves it, and keeps it.
    """
    world, journey, promise = _promising(shop)
    billing = world["billing"].receive(journey.hand_over("billing"))
    billing.accept_promise(promise)
    billing.hand_over("sales")
    billing.move(promise, due=START + timedelta(days=5))
    billing.hand_over("sales")
    world.clock.advance(days=1)
    billing.keep(promise)
    return Vector(
        envelope=billing.hand_over("sales"),
        to="sales",
        now=NOW + DAY_S,
    )


@valid
def a_promise_moved_and_seen_broken(shop: Workshop) -> Vector:
    """
    Moved by its owner; support hears from the customer that it was broken.
    """
    world, journey, promise = _promising(shop)
    billing = world["billing"].receive(journey.hand_over("billing"))
    billing.accept_promise(promise)
    billing.move(promise, due=START + timedelta(days=5))
    support = world["support"].receive(billing.hand_over("support"))
    support.observe(promise)
    return Vector(envelope=support.hand_over("sales"), to="sales")


@valid
def a_promise_handed_over(shop: Workshop) -> Vector:
    """
    Its owner asks support to answer for it; until that accepts, billing does.
    """
    world, journey, promise = _promising(shop)
    billing = world["billing"].receive(journey.hand_over("billing"))
    billing.accept_promise(promise)
    billing.hand_over_promise(promise, to="support")
    return Vector(envelope=billing.hand_over("support"))


@valid
def a_promise_of_ones_own_handed_over(shop: Workshop) -> Vector:
    """
    Sales asks support to answer for its own promise: until then it is open.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    made = journey.promise("callback", wording="We call you tomorrow")
    journey.hand_over_promise(made.id, to="support")
    return Vector(envelope=journey.hand_over("support"))


@valid
def a_promise_handed_over_twice(shop: Workshop) -> Vector:
    """
    On one branch to support, on another to sales: either may accept, and sales does.
    """
    forge = shop.forge()
    root = forge.statement(
        by="billing", says={4: {-7: {0: _step(0, "refund", "Friday"), 3: "r1"}}}
    )
    branches = [
        forge.statement(
            root,
            by="billing",
            says={4: {-7: {0: _step(7, None, None, to), 3: "r1"}}},
        )
        for to in ("support", "sales")
    ]
    accepted = forge.statement(
        *branches, says={4: {-7: {0: _step(1), 3: "billing/r1"}}}
    )
    return Vector(envelope=forge.envelope(root, *branches, accepted))


@valid
def a_promise_asked_of_two(shop: Workshop) -> Vector:
    """
    As before, and nobody accepts.
    """
    forge = shop.forge()
    root = forge.statement(
        by="billing", says={4: {-7: {0: _step(0, "refund", "Friday"), 3: "r1"}}}
    )
    branches = [
        forge.statement(
            root,
            by="billing",
            iat=NOW + later,
            says={4: {-7: {0: _step(7, None, None, to), 3: "r1"}}},
        )
        for later, to in enumerate(("support", "sales"))
    ]
    return Vector(envelope=forge.envelope(root, *branches))


@valid
def a_promise_made_twice(shop: Workshop) -> Vector:
    """
    Its creator says two things under one name; the one that was accepted stands.
    """
    forge = shop.forge()
    root = forge.statement()
    one = forge.statement(
        root, says={4: {-7: {0: _step(0, "refund", "Friday", "billing"), 3: "r1"}}}
    )
    other = forge.statement(
        root, says={4: {-7: {0: _step(0, "refund", "Monday", "billing"), 3: "r1"}}}
    )
    accepted = forge.statement(
        other, by="billing", says={4: {-7: {0: _step(1), 3: "sales/r1"}}}
    )
    return Vector(envelope=forge.envelope(root, one, other, accepted))


@valid
def a_promise_in_conflict(shop: Workshop) -> Vector:
    """
    Its owner kept it on one branch and missed it on another.
    """
    world, journey, promise = _promising(shop)
    billing = world["billing"].receive(journey.hand_over("billing"))
    billing.accept_promise(promise)
    fork = billing.fork()
    fork.keep(promise)
    billing.miss(promise)
    billing.merge(fork)
    return Vector(envelope=billing.hand_over("sales"), to="sales")


def _step(action: int, *more: Any) -> list[Any]:
    return [action, *more]


@valid
def promises_by_those_who_may_not(shop: Workshop) -> Vector:
    """
    Support makes a promise in the name of sales, keeps one of billing's, and
    releases its own: only the last counts.
    """
    forge = shop.forge()
    root = forge.statement(
        says={4: {-7: {0: _step(0, "refund", "By Friday", "billing"), 3: "r1"}}}
    )
    accepted = forge.statement(
        root, by="billing", says={4: {-7: {0: _step(1), 3: "sales/r1"}}}
    )
    meddling = forge.statement(
        accepted,
        by="support",
        says={
            4: {
                -7: [
                    {0: _step(0, "gift", "A voucher"), 3: "sales/g1"},
                    {0: _step(2), 3: "sales/r1"},
                    {0: _step(0, "callback", "We call"), 3: "support/c1"},
                ]
            }
        },
    )
    released = forge.statement(
        meddling, by="support", says={4: {-7: {0: _step(5), 3: "c1"}}}
    )
    return Vector(envelope=forge.envelope(root, accepted, meddling, released))


@valid
def consent_given(shop: Workshop) -> Vector:
    """
    The customer consents to marketing, for which a hobby may then be read.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.hobby, "climbing")
    journey.consent("dpv:Marketing", expires_at=START + timedelta(days=7))
    return Vector(
        envelope=journey.hand_over("support"),
        how={"purpose": "dpv:Marketing"},
        recalls={"hobby": "climbing"},
        reads={"consents": {"dpv:Marketing": True}},
    )


@valid
def consent_withdrawn(shop: Workshop) -> Vector:
    """
    Ivr, which cannot read consents, hears a withdrawal: the grant counts no more.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.hobby, "climbing")
    journey.consent("dpv:Marketing")
    journey.consent("dpv:ServiceProvision")
    ivr = world["ivr"].receive(journey.hand_over("ivr"))
    ivr.withdraw("dpv:Marketing")
    return Vector(
        envelope=ivr.hand_over("support"),
        how={"purpose": "dpv:Marketing"},
        recalls={"hobby": Gap("no_consent")},
        reads={"consents": {"dpv:ServiceProvision": True}},
    )


@valid
def consent_withdrawn_by_no_writer(shop: Workshop) -> Vector:
    """
    Carrier may not write consents, as one of ours it could still withdraw: here
    sales withdraws what support grants on another branch, so it does not count.
    """
    forge = shop.forge()
    root = forge.statement()
    given = forge.statement(
        root, by="support", says={4: {-8: {0: [0], 3: "dpv:Marketing"}}}
    )
    taken = forge.statement(root, says={4: {-8: {0: [2], 3: "dpv:Marketing"}}})
    return Vector(envelope=forge.envelope(root, given, taken), reads={"consents": {}})


@valid
def consent_given_again(shop: Workshop) -> Vector:
    """
    Withdrawn, and given again by somebody who knew: it counts.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    journey.consent("dpv:Marketing")
    support = world["support"].receive(journey.hand_over("support"))
    support.withdraw("dpv:Marketing")
    support.hand_over("sales")
    support.consent("dpv:Marketing", lawful_basis="eu-gdpr:A6-1-a")
    return Vector(
        envelope=support.hand_over("sales"),
        to="sales",
        reads={"consents": {"dpv:Marketing": True}},
    )


@valid
def consent_behind_what_cannot_be_read(shop: Workshop) -> Vector:
    """
    A withheld section of the scope may hold a withdrawal: the grant does not count.
    """
    forge = shop.forge()
    root = forge.statement(says={4: {-8: {0: [0], 3: "dpv:Marketing"}, 35: "climbing"}})
    child = forge.statement(root, by="billing", says={4: {31: 2}})
    return Vector(
        envelope=forge.envelope(root, withheld(child, 4)), reads={"consents": {}}
    )


@valid
def consent_too_old(shop: Workshop) -> Vector:
    """
    Consent counts for 30 days from when it was given, not from when it was sealed.
    """
    forge = shop.forge()
    root = forge.statement(
        says={
            4: {
                -8: [
                    {0: [0], 2: 30 * DAY_S, 3: "dpv:Marketing"},
                    {0: [0], 2: 30 * DAY_S - 1, 3: "dpv:ServiceProvision"},
                ]
            }
        }
    )
    return Vector(
        envelope=forge.envelope(root),
        reads={"consents": {"dpv:ServiceProvision": True}},
    )


# --- keys --------------------------------------------------------------------


@valid
def esp256(shop: Workshop) -> Vector:
    """
    Every signature is ECDSA on P-256 with SHA-256, s low.
    """
    world = shop.world("acme-p256")
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    second = world["support"].receive(journey.hand_over("support"))
    second.learn(Acme.full_name, "Alex Doe")
    return Vector(
        envelope=second.hand_over("billing"),
        to="billing",
        keys="acme-p256",
        recalls={"order_number": "A-118", "full_name": "Alex Doe"},
    )


@valid
def mlkem768_x25519(shop: Workshop) -> Vector:
    """
    Two scopes are sealed to ML-KEM-768 with X25519, one to X25519.
    """
    journey = shop.world("acme-pq")["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.attempts, 2)
    return Vector(
        envelope=journey.hand_over("support"),
        keys="acme-pq",
        recalls={"order_number": "A-118", "full_name": "Alex Doe", "attempts": 2},
    )


@valid
def two_keys_of_one_department(shop: Workshop) -> Vector:
    """
    Sales signed with its first key, then with its second: it is one department.
    """
    forge = shop.forge("acme-rotated")
    first, second = shop.rings["acme-rotated"].private["sales"].signers
    root = forge.statement(says={1: {31: 2}, 4: {31: 2}})
    child = forge.statement(
        root,
        change=lambda header: header.update({4: second.key_id}),
        signer=second,
        says={4: {31: {0: 3, 1: 1}}},
    )
    delivery = forge.delivery([root, child], signer=first)
    return Vector(
        envelope=forge.envelope(root, child, delivery=delivery),
        keys="acme-rotated",
        recalls={"attempts": 3},
    )


# --- deliveries --------------------------------------------------------------


@valid
def at_rest_for_one(shop: Workshop) -> Vector:
    """
    A journey that a department laid to rest for itself.
    """
    journey = shop.world()["support"].begin(channel="phone")
    journey.learn(Acme.note, "prefers mornings")
    return Vector(
        envelope=journey.save(),
        now=NOW + 30 * DAY_S,
        how={"open": "resume"},
        recalls={"note": "prefers mornings"},
        reads={"arrival": "home"},
    )


@valid
def at_rest_for_all(shop: Workshop) -> Vector:
    """
    A journey at rest that any department of the domain may resume.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    return Vector(
        envelope=journey.save(shared=True),
        to="billing",
        how={"open": "resume"},
        recalls={"order_number": "A-118"},
    )


@valid
def bound(shop: Workshop) -> Vector:
    """
    The delivery is bound to what both sides know of the message, a call's id.
    """
    journey = shop.world()["sales"].begin(channel="phone")
    journey.learn(Acme.order_number, "A-118")
    return Vector(
        envelope=journey.hand_over("support", binding=b"call 7f3a"),
        how={"binding": b"call 7f3a".hex()},
        recalls={"order_number": "A-118"},
    )


@valid
def a_reply(shop: Workshop) -> Vector:
    """
    A response names the delivery of the request that it answers.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    request = journey.hand_over("support")
    answering = world["support"].receive(request)
    answering.learn(Acme.full_name, "Alex Doe")
    asked = request.delivery.id
    return Vector(
        envelope=answering.hand_over("sales", reply_to=asked),
        to="sales",
        how={"reply_to": asked.hex()},
        recalls={"full_name": "Alex Doe"},
    )


@valid
def a_bound_reply(shop: Workshop) -> Vector:
    """
    A response with a reply-to and a binding.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="chat")
    asked = b"\0\1\2\3\4\5\6\7"
    return Vector(
        envelope=journey.hand_over("support", reply_to=asked, binding=b"x"),
        how={"reply_to": asked.hex(), "binding": b"x".hex()},
    )


@valid
def through_a_queue(shop: Workshop) -> Vector:
    """
    A delivery of a day, where the receiver accepts one of two.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    return Vector(
        envelope=journey.hand_over("support", lifetime=timedelta(days=1)),
        now=NOW + DAY_S - 1,
        how={"max_lifetime": 2 * DAY_S},
        recalls={"order_number": "A-118"},
    )


@valid
def received_again(shop: Workshop) -> Vector:
    """
    A delivery that was seen before is received again, where that is allowed.
    """
    journey = shop.world()["sales"].begin(channel="chat")
    return Vector(envelope=journey.hand_over("support"), how={"received_before": 1})


@valid
def clocks_that_differ(shop: Workshop) -> Vector:
    """
    A statement and a delivery dated 60 seconds ahead of the receiver's clock.
    """
    forge = shop.forge(now=NOW + 60)
    root = forge.statement(says={2: {10: "A-118"}})
    return Vector(envelope=forge.envelope(root), recalls={"order_number": "A-118"})


@valid
def late_but_in_time(shop: Workshop) -> Vector:
    """
    A delivery that expired 59 seconds ago: clocks may differ.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: "A-118"}})
    return Vector(
        envelope=forge.envelope(root),
        now=NOW + 359,
        recalls={"order_number": "A-118"},
    )


# --- arrivals ----------------------------------------------------------------


def _known_customer(shop: Workshop) -> Journey[Any]:
    journey = shop.world()["support"].begin(channel="web")
    journey.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.language, "en")
    journey.verify_identity("otp")
    journey.promise("callback", wording="We call you tomorrow")
    journey.consent("dpv:Marketing")
    return journey


@valid
def arrival_by_possession(shop: Workshop) -> Vector:
    """
    The customer carried a link: only what may be recalled on possession is.
    """
    return Vector(
        envelope=_known_customer(shop).save(),
        how={"open": "resume", "arrival": "possession"},
        recalls={
            "full_name": "Alex Doe",
            "language": "en",
            "order_number": Gap("not_identified"),
            "identity": Gap("not_identified"),
        },
        reads={"arrival": "possession", "promises": [], "consents": {}},
    )


@valid
def arrival_by_a_hint(shop: Workshop) -> Vector:
    """
    Only a phone number matched: nothing is recalled.
    """
    return Vector(
        envelope=_known_customer(shop).save(shared=True),
        to="sales",
        how={"open": "resume", "arrival": "hint"},
        recalls={
            "full_name": Gap("not_identified"),
            "language": Gap("not_identified"),
        },
        reads={"arrival": "hint", "promises": []},
    )


@valid
def a_hint_handed_on(shop: Workshop) -> Vector:
    """
    The sender knew the journey by a hint, and says so: the receiver knows no more.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="web")
    journey.learn(Acme.full_name, "Alex Doe")
    saved = journey.save(shared=True)
    hinted = world["ivr"].resume(saved, arrival=Arrival.HINT, channel="phone")
    hinted.learn(Acme.phone, "+33123456789")
    return Vector(
        envelope=hinted.hand_over("support"),
        recalls={
            "full_name": Gap("not_identified"),
            "phone": Gap("not_identified"),
        },
        reads={"arrival": "hint"},
    )


@valid
def a_link_handed_on(shop: Workshop) -> Vector:
    """
    As before, by possession: what was said then is marked so.
    """
    world = shop.world()
    journey = world["sales"].begin(channel="web")
    journey.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.order_number, "A-118")
    carried = world["support"].resume(
        journey.save(shared=True), arrival=Arrival.POSSESSION
    )
    carried.learn(Acme.phone, "+33123456789")
    return Vector(
        envelope=carried.hand_over("billing"),
        to="billing",
        recalls={
            "full_name": "Alex Doe",
            "phone": "+33123456789",
            "order_number": Gap("not_identified"),
        },
        reads={"arrival": "possession"},
    )


@valid
def received_by_possession(shop: Workshop) -> Vector:
    """
    Handed over in good faith, but through something that the customer carried.
    """
    journey = shop.world()["sales"].begin(channel="web")
    journey.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.order_number, "A-118")
    return Vector(
        envelope=journey.hand_over("support"),
        how={"arrival": "possession"},
        recalls={"full_name": "Alex Doe", "order_number": Gap("not_identified")},
        reads={"arrival": "possession"},
    )


# --- partners ----------------------------------------------------------------


def _export(shop: Workshop) -> tuple[Any, Any]:
    world = shop.world()
    journey = world["support"].begin(channel="chat")
    journey.learn(Acme.tracking, "1Z 999", known=VERIFIED)
    journey.learn(Acme.parcel, "packed")
    journey.learn(Acme.full_name, "Alex Doe")
    world.clock.advance(minutes=10)
    sales = world["sales"].receive(journey.hand_over("sales"))
    return world, sales.export_to("carrier")


@valid
def an_export(shop: Workshop) -> Vector:
    """
    A journey of its own for a partner, who reads who reported what, how surely.
    """
    _, export = _export(shop)
    return Vector(
        envelope=export,
        to="carrier",
        now=NOW + 600,
        recalls={"tracking": "1Z 999", "parcel": "packed"},
    )


@valid
def an_export_answered(shop: Workshop) -> Vector:
    """
    The partner's answer, which may come from outside, to whoever waits for one.
    """
    world, export = _export(shop)
    partner = world["carrier"].receive(export)
    partner.correct(Acme.parcel, "sent")
    return Vector(
        envelope=partner.hand_over("sales"),
        to="sales",
        now=NOW + 600,
        how={"open": "answer"},
        recalls={"parcel": "sent"},
        reads={"sender": "carrier"},
    )


@valid
def an_export_at_rest_with_the_partner(shop: Workshop) -> Vector:
    """
    A partner resumes what it laid to rest itself: an export that it has added to.
    """
    world, export = _export(shop)
    partner = world["carrier"].receive(export)
    partner.correct(Acme.parcel, "lost")
    return Vector(
        envelope=partner.save(),
        to="carrier",
        now=NOW + 600,
        how={"open": "resume"},
        recalls={"parcel": "lost"},
    )


@valid
def an_export_is_no_proof(shop: Workshop) -> Vector:
    """
    Sales calls its journey an export and reports what billing verified: to a
    department of ours that is the word of sales, and support may correct it.
    """
    forge = shop.forge()
    root = forge.statement(flags=4, says={4: {30: {0: "ACC-1", 1: 3, 4: "billing"}}})
    child = forge.statement(root, by="support", says={4: {30: "ACC-2"}})
    return Vector(envelope=forge.envelope(root, child), recalls={"account": "ACC-2"})


@valid
def an_export_read_by_its_author(shop: Workshop) -> Vector:
    """
    The same, at sales: its own export says there what others had told it.
    """
    forge = shop.forge()
    root = forge.statement(flags=4, says={4: {30: {0: "ACC-1", 1: 3, 4: "billing"}}})
    child = forge.statement(root, by="support", says={4: {30: "ACC-2"}})
    return Vector(
        envelope=forge.envelope(root, child, to="sales"),
        to="sales",
        recalls={"account": Gap("conflict")},
    )


@valid
def an_export_told_to_a_partner(shop: Workshop) -> Vector:
    """
    The partner takes the word of sales for that of support, and cannot undo it.
    """
    forge = shop.forge()
    root = forge.statement(flags=4, says={6: {50: {0: "1Z 999", 1: 3, 4: "support"}}})
    child = forge.statement(root, by="carrier", says={6: {50: "1Z 998"}})
    return Vector(
        envelope=forge.envelope(root, child, to="carrier"),
        to="carrier",
        recalls={"tracking": Gap("conflict")},
    )


# --- what is left out, and what has expired ----------------------------------


@valid
def a_forgery_at_the_tip(shop: Workshop) -> Vector:
    """
    A statement does not verify, and nobody builds upon it: it is left out.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: "A-118"}})
    child = forge.statement(root, by="support", says={2: {10: "A-666"}})
    child[3] = flip(child[3])
    return Vector(
        envelope=forge.envelope(root, child),
        recalls={"order_number": "A-118"},
        reads={
            "left_out": [
                {
                    "key_id": forge.signer("support").key_id.hex(),
                    "code": "forged_statement",
                }
            ]
        },
    )


@valid
def a_revoked_key_at_the_tip(shop: Workshop) -> Vector:
    """
    The author of the last statement is revoked: it is left out, and with it what an
    unknown author built upon it.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: "A-118"}})
    child = forge.statement(root, by="rogue", says={2: {10: "A-666"}})
    after = forge.statement(child, by="ivr", says={1: {1: "Mallory"}})
    beside = forge.statement(root, by="ivr", says={1: {3: "+33123456789"}})
    return Vector(
        envelope=forge.envelope(root, child, after, beside),
        keys="acme-before-ivr",
        recalls={"order_number": "A-118", "full_name": Gap("unknown_author")},
        reads={
            "left_out": [
                {"key_id": forge.signer("rogue").key_id.hex(), "code": "key_revoked"}
            ]
        },
    )


@valid
def left_out_upon_left_out(shop: Workshop) -> Vector:
    """
    Two in a row do not verify, for different reasons: both are reported.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: "A-118"}})
    child = forge.statement(root, by="carrier", says={2: {10: "A-666"}})
    after = forge.statement(child, by="support", exp=NOW + LIFETIME_S + 1)
    return Vector(
        envelope=forge.envelope(root, child, after),
        recalls={"order_number": "A-118"},
        reads={
            "left_out": [
                {
                    "key_id": forge.signer("carrier").key_id.hex(),
                    "code": "external_author",
                },
                {
                    "key_id": forge.signer("support").key_id.hex(),
                    "code": "statement_times",
                },
            ]
        },
    )


@valid
def an_expired_statement(shop: Workshop) -> Vector:
    """
    The root has expired and says nothing more, withheld or not; the journey lives.
    """
    forge = shop.forge()
    root = forge.statement(
        exp=NOW + 10,
        says={1: {1: "Alex Doe"}, 2: {10: "A-118"}, 4: {31: 2}},
        clear={-1: "en"},
    )
    child = forge.statement(root, by="billing", says={1: {2: "alex@example.com"}})
    return Vector(
        envelope=forge.envelope(withheld(root, 2), child, iat=NOW + 10),
        now=NOW + 10,
        recalls={
            "full_name": Gap("expired"),
            "order_number": Gap("never_stated"),
            "attempts": Gap("expired"),
            "language": Gap("expired"),
            "email": "alex@example.com",
        },
    )


@valid
def a_statement_from_the_future(shop: Workshop) -> Vector:
    """
    Dated 61 seconds ahead of the reader's clock, which may be the one that is wrong:
    it is kept, and not read.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: "A-118"}, 1: {1: "Alex"}})
    child = forge.statement(root, by="billing", iat=NOW + 61, says={2: {10: "A-119"}})
    return Vector(
        envelope=forge.envelope(root, child),
        recalls={"order_number": Gap("unknown_author"), "full_name": "Alex"},
        reads={
            "left_out": [
                {
                    "key_id": forge.signer("billing").key_id.hex(),
                    "code": "issued_in_future",
                }
            ]
        },
    )


@valid
def a_journey_outlives_its_keys(shop: Workshop) -> Vector:
    """
    The first two statements have expired, and their keys verify no more: they count
    for the graph, and the third is read.
    """
    forge = shop.forge()
    root = forge.statement(by="closed", iat=NOW - 201 * DAY_S)
    child = forge.statement(root, by="leaving", iat=NOW - 10 * DAY_S)
    last = forge.statement(child, says={1: {1: "Alex Doe"}})
    now = NOW + 80 * DAY_S
    return Vector(
        envelope=forge.envelope(root, child, last, iat=now),
        now=now,
        recalls={"full_name": "Alex Doe"},
        reads={"left_out": []},
    )


@valid
def a_life_prolonged(shop: Workshop) -> Vector:
    """
    What builds upon a statement that lives longer lives as long, not longer.
    """
    forge = shop.forge()
    root = forge.statement(iat=NOW + DAY_S, exp=NOW + 2 * DAY_S)
    child = forge.statement(root, by="billing", iat=NOW + DAY_S)
    grandchild = forge.statement(child, iat=NOW + DAY_S, exp=NOW + 91 * DAY_S)
    return Vector(
        envelope=forge.envelope(root, child, grandchild, iat=NOW + DAY_S),
        now=NOW + DAY_S,
    )


@valid
def at_the_edges_of_keys(shop: Workshop) -> Vector:
    """
    Signed at the last instant of one key and the first of another, both inclusive.
    """
    forge = shop.forge()
    root = forge.statement(by="leaving", iat=NOW - 10 * DAY_S, exp=NOW + 80 * DAY_S)
    child = forge.statement(root, by="coming", iat=NOW + 30 * DAY_S)
    return Vector(
        envelope=forge.envelope(root, child, iat=NOW + 30 * DAY_S),
        now=NOW + 30 * DAY_S,
    )


# --- limits, their last values -----------------------------------------------


@valid
def statements_256(shop: Workshop) -> Vector:
    """
    The most statements that an envelope holds, in a row.
    """
    forge = shop.forge()
    chain = [forge.statement()]
    while len(chain) < 255:
        by = ("sales", "support", "billing", "ivr")[len(chain) % 4]
        chain.append(forge.statement(chain[-1], by=by))
    chain.append(forge.statement(chain[-1], says={2: {10: "A-118"}}))
    return Vector(envelope=forge.envelope(*chain), recalls={"order_number": "A-118"})


@valid
def parents_16(shop: Workshop) -> Vector:
    """
    The most parents that a statement names.
    """
    forge = shop.forge()
    root = forge.statement()
    branches = [
        forge.statement(root, says={4: {36: {0: str(n), 3: str(n)}}}) for n in range(16)
    ]
    last = forge.statement(*branches, says={2: {10: "A-118"}})
    return Vector(
        envelope=forge.envelope(root, *branches, last),
        recalls={"order_number": "A-118", "product/15": "15"},
    )


@valid
def heads_32(shop: Workshop) -> Vector:
    """
    The most statements that nothing descends from.
    """
    forge = shop.forge()
    root = forge.statement(says={2: {10: "A-118"}})
    branches = [forge.statement(root, channel=f"c{n}") for n in range(32)]
    return Vector(
        envelope=forge.envelope(root, *branches), recalls={"order_number": "A-118"}
    )


def header_of(size: int) -> Callable[[dict[Any, Any]], None]:
    """
    Return what fills a header with clear facts until it has *size* bytes.
    """

    def fill(header: dict[Any, Any]) -> None:
        clear = header[CLAIMS][PRIVATE][3]
        for number in range(200, 263):
            clear[number] = {0: "x" * 30, 4: "y" * 24}
        missing = size - len(encode(header))
        clear[300] = {0: "x", 4: "y"}
        while len(encode(header)) < size and missing:
            clear[300][4] += "y"
        if len(encode(header)) != size:
            raise ValueError(missing)

    return fill


@valid
def header_4096(shop: Workshop) -> Vector:
    """
    The largest protected header, full of clear facts: the most that a map holds.
    """
    forge = shop.forge()
    root = forge.statement(change=header_of(4096))
    return Vector(envelope=forge.envelope(root))


@valid
def section_16384(shop: Workshop) -> Vector:
    """
    The largest plaintext of a section, one byte of which is padding.
    """
    forge = shop.forge()
    content = {10: "x" * (16_383 - 5)}
    root = forge.statement(says={2: content})
    plain = len(encode(content))
    if plain != 16_383:
        raise ValueError(plain)
    return Vector(envelope=forge.envelope(root))


@valid
def deepest_value(shop: Workshop) -> Vector:
    """
    Sixteen levels of maps and arrays, the innermost empty, and a tag as one of them.
    """
    value: Any = []
    for _ in range(13):
        value = [value]
    tagged: Any = Tag(1, NOW)
    for _ in range(13):
        tagged = [tagged]
    forge = shop.forge()
    root = forge.statement(says={2: {1000: {0: value}, 1001: {0: tagged}}})
    return Vector(envelope=forge.envelope(root))


@valid
def items_4096(shop: Workshop) -> Vector:
    """
    The most items of a plaintext: a map, its keys, and what they stand for.
    """
    # The outer map, two keys, two facts, two keys in them, an array each.
    content: dict[int, Any] = {
        1000: {0: [0] * 2000},
        1001: {0: [0] * (4096 - 2009)},
    }
    forge = shop.forge()
    root = forge.statement(says={2: content})
    return Vector(envelope=forge.envelope(root))


@valid
def entries_64(shop: Workshop) -> Vector:
    """
    The most entries of a map, that of a section and that of a value.
    """
    content: dict[int, Any] = {number: number for number in range(1000, 1063)}
    content[34] = {0: {f"question {number}": number for number in range(64)}}
    forge = shop.forge()
    root = forge.statement(says={4: content})
    return Vector(envelope=forge.envelope(root))


@valid
def marks_and_facts_at_their_longest(shop: Workshop) -> Vector:
    """
    Qualifiers, reporters and reasons as long as they may be, in characters that
    take four bytes, and the greatest age.
    """
    long = "\U0001f525"
    forge = shop.forge()
    root = forge.statement(
        says={
            4: {
                0: {36: [[0, 2**40, long * 64, long * 256], [1, 0, "x"], [2]]},
                36: {0: "tent", 1: 1, 2: 2**40, 3: long * 64, 4: long * 64},
            }
        },
    )
    return Vector(envelope=forge.envelope(root))


@valid
def far_numbers(shop: Workshop) -> Vector:
    """
    The last scope, field and revision, and the last instant.
    """
    forge = shop.forge()
    root = forge.statement(
        revision=2**63 - 1,
        clear={-65535: 2**64 - 1, 65535: -(2**64)},
        raw={1: encode([65535, b""]), 65535: encode([0, bytes(18_432)])},
        says={2: {65535: "x", -65535: "y"}},
        channel="0" + "._-" * 10 + "z",
    )
    return Vector(envelope=forge.envelope(root))


@valid
def all_flags(shop: Workshop) -> Vector:
    """
    A root with every flag, in the channel with the shortest name.
    """
    forge = shop.forge()
    root = forge.statement(flags=31, channel="x")
    return Vector(envelope=forge.envelope(root))
