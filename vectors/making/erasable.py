"""
The vectors of erasable journeys, valid and invalid.
"""

from __future__ import annotations

from collections.abc import Callable

from cxcontext.core.journey import Journey
from making.forging import (
    KID,
    NONCE,
    Forge,
    Wire,
    encode,
    flip,
    lock,
    pad,
)
from making.vector import Gap, Vector, Workshop, add_invalid, valid
from making.world import NOW, SECRET, Acme, Tier, World

ERASABLE = 16
PLAIN = pad(encode({10: "A-118"}))


def _begun(shop: Workshop, ring: str = "acme") -> Journey[Acme]:
    # Not one of the workshop's numbered worlds: the other vectors keep theirs.
    world = World(shop.rings[ring], "erasable")
    journey: Journey[Acme] = world["sales"].begin(channel="chat", erasable=True)
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.full_name, "Alex Doe")
    journey.learn(Acme.tier, Tier.GOLD)
    journey.learn(Acme.language, "en-GB")
    return journey


@valid
def an_erasable_journey(shop: Workshop) -> Vector:
    """
    Every section is locked with the journey's secret too, and what is clear elsewhere
    stands in the section of its scope.
    """
    return Vector(
        envelope=_begun(shop).hand_over("support"),
        secret=SECRET,
        recalls={
            "order_number": "A-118",
            "full_name": "Alex Doe",
            "tier": "gold",
            "language": "en-GB",
            "newsletter": Gap("never_stated"),
        },
    )


@valid
def an_erasable_journey_of_three(shop: Workshop) -> Vector:
    """
    Three departments, a clear field that the second corrects, and a refusal.
    """
    world = World(shop.rings["acme"], "erasable, of three")
    journey = world["sales"].begin(channel="chat", erasable=True)
    journey.learn(Acme.tier, Tier.GOLD)
    journey = world["support"].receive(journey.hand_over("support"))
    journey.correct(Acme.tier, Tier.BASIC)
    journey.refused(Acme.language)
    journey.accept()
    journey = world["billing"].receive(journey.hand_over("billing"))
    journey.learn(Acme.card_last4, "4242")
    return Vector(
        envelope=journey.hand_over("sales"),
        to="sales",
        secret=SECRET,
        recalls={"tier": "basic", "language": Gap("refused")},
    )


@valid
def an_erasable_journey_under_mlkem768(shop: Workshop) -> Vector:
    """
    The lock is the same within the hybrid suite.
    """
    return Vector(
        envelope=_begun(shop, "acme-pq").hand_over("support"),
        secret=SECRET,
        keys="acme-pq",
        recalls={"order_number": "A-118", "tier": "gold"},
    )


@valid
def an_erased_journey(shop: Workshop) -> Vector:
    """
    The secret is not there: nothing can be read, and it is verified as ever.
    """
    unreadable = Gap("unreadable")
    return Vector(
        envelope=_begun(shop).hand_over("support"),
        recalls={
            "order_number": unreadable,
            "full_name": unreadable,
            "tier": unreadable,
            "language": unreadable,
            "attempts": Gap("never_stated"),
        },
    )


@valid
def an_erasable_journey_with_a_wrong_secret(shop: Workshop) -> Vector:
    """
    Under another secret nothing opens.
    """
    return Vector(
        envelope=_begun(shop).hand_over("support"),
        secret=flip(SECRET),
        recalls={"order_number": Gap("unreadable"), "tier": Gap("unreadable")},
    )


@valid
def an_erasable_journey_of_which_one_scope_is_read(shop: Workshop) -> Vector:
    """
    A reader without the scope's key is not helped by the secret.
    """
    return Vector(
        envelope=_begun(shop).hand_over("ivr"),
        to="ivr",
        secret=SECRET,
        recalls={"full_name": "Alex Doe", "tier": "gold"},
    )


# --- refused -----------------------------------------------------------------


def _refused(
    name: str, code: str, why: str, make: Callable[[Forge], list[Wire]]
) -> None:
    def maker(shop: Workshop) -> Vector:
        forge = shop.forge()
        return Vector(envelope=forge.envelope(*make(forge)), secret=SECRET, error=code)

    add_invalid(name, why, maker)


def _upon_an_erasable_root(forge: Forge) -> list[Wire]:
    root = forge.statement(flags=ERASABLE)
    return [root, forge.statement(root, by="support", clear={5: {}})]


def _upon_a_plain_root(forge: Forge) -> list[Wire]:
    root = forge.statement()
    return [root, forge.statement(root, flags=ERASABLE)]


def _with_a_parent_missing(forge: Forge) -> list[Wire]:
    root = forge.statement(flags=ERASABLE, clear={5: "gold"})
    return [root, forge.statement(bytes(32))]


_refused(
    "erasable-clear-fact-in-the-root",
    "malformed",
    "A clear fact in the root of an erasable journey.",
    lambda forge: [forge.statement(flags=ERASABLE, clear={5: "gold"})],
)
_refused(
    "erasable-clear-fact-upon-it",
    "malformed",
    "A clear fact, a retraction, in an erasable journey's second statement.",
    _upon_an_erasable_root,
)
_refused(
    "erasable-flag-not-in-the-root",
    "malformed",
    "A statement that is no root says that the journey is erasable.",
    _upon_a_plain_root,
)
_refused(
    "order-graph-before-clear-facts",
    "missing_parent",
    "A parent is missing in an erasable journey; its root has a clear fact.",
    _with_a_parent_missing,
)


def _clear_before_key(shop: Workshop) -> Vector:
    forge = shop.forge()
    root = forge.statement(flags=ERASABLE, clear={5: "gold"})

    def unknown(header: dict[object, object]) -> None:
        header[KID] = bytes(8)

    return Vector(
        envelope=forge.envelope(root, change=unknown),
        secret=SECRET,
        error="malformed",
    )


add_invalid(
    "order-clear-facts-before-key",
    "A clear fact in an erasable journey; the delivery's key is not known.",
    _clear_before_key,
)


def _section(
    name: str, code: str, why: str, make: Callable[[Forge, bytes], bytes]
) -> None:
    """
    Add a vector of an erasable root with a section of scope 2 that is refused.
    """

    def maker(shop: Workshop) -> Vector:
        forge = shop.forge()
        root = forge.statement(
            flags=ERASABLE,
            origin=NONCE,
            sealing=lambda protected: {2: make(forge, protected)},
        )
        return Vector(
            envelope=forge.envelope(root),
            now=NOW,
            how={"open_scope": 2},
            secret=SECRET,
            error=code,
        )

    add_invalid(name, why, maker)


def _sealed(padded: bytes, secret: bytes | None) -> Callable[[Forge, bytes], bytes]:
    return lambda forge, protected: forge.seal(
        padded, scope=2, protected=protected, secret=secret
    )


_section(
    "open-erasable-not-locked",
    "section_unopenable",
    "Sealed, and not locked with the secret.",
    _sealed(PLAIN, None),
)
_section(
    "open-erasable-with-another-secret",
    "section_unopenable",
    "Locked with another secret.",
    _sealed(PLAIN, flip(SECRET)),
)
_section(
    "open-erasable-of-another-section",
    "section_unopenable",
    "Locked for another section, with the same secret.",
    _sealed(lock(PLAIN, SECRET, b"another info"), None),
)
_section(
    "open-erasable-cut-off",
    "section_unopenable",
    "What is locked is shorter than a nonce and a tag.",
    _sealed(bytes(27), None),
)
_section(
    "open-erasable-padded-outside",
    "section_malformed",
    "What is locked is not padded.",
    _sealed(encode({10: "A-118"}), SECRET),
)
