"""
Any vocabulary and any values survive: learned, handed over, received, recalled.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext import Reason
from cxcontext.core.department import Department
from cxcontext.core.domain import TrustDomain
from cxcontext.core.keygen import generate_keys
from cxcontext.core.value_types import TypeCodec
from cxcontext.testing.strategies import Said, Talk, records, same, talks, types
from cxcontext.testing.strategies.typed import SCALARS
from cxcontext.testing.strategies.vocabularies import DEPARTMENTS, SCOPES

DOMAIN = "acme.example"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RING = generate_keys(
    domain=DOMAIN,
    departments=dict.fromkeys(DEPARTMENTS, False),
    readers=dict.fromkeys(SCOPES, DEPARTMENTS),
    now=NOW,
)


class Shop:
    """
    A process of this vocabulary; each department has the keys of what it reads.
    """

    def __init__(self, vocabulary: type[cx.Vocabulary]) -> None:
        self.vocabulary = vocabulary
        self.domain: TrustDomain[Any] = TrustDomain(
            DOMAIN, vocabulary, keys=RING.public, clock=lambda: NOW
        )

    def __getitem__(self, name: str) -> Department[Any]:
        keys = RING.private[name]
        scopes = self.vocabulary.scopes_by_number
        held = tuple(
            key
            for key in keys.opening_keys
            if key.scope in scopes and name in scopes[key.scope].readers
        )
        return self.domain.department(name, keys=attrs.evolve(keys, opening_keys=held))

    def knows(self, said: Said) -> bool:
        """
        Return whether the vocabulary has the field.
        """
        return said.name in self.vocabulary.fields


def say(journey: cx.Journey[Any], talk: Talk, shop: Shop) -> None:
    """
    Learn what the journey's department has to say.
    """
    for said in talk.said:
        if said.department == journey.department and shop.knows(said):
            for qualifier, value in said.values.items():
                journey.learn(said.field.key, value, qualifier=qualifier)


def check(journey: cx.Journey[Any], said: Said) -> None:
    """
    Hold what is recalled against what was said.
    """
    key = said.field.key
    for qualifier, value in said.values.items():
        if journey.department in said.field.scope.readers:
            assert same(value, journey.recall(key, qualifier=qualifier))
            assert journey.gap(key, qualifier=qualifier) is None
        else:
            gap = journey.gap(key, qualifier=qualifier)
            assert gap is not None
            assert Reason.NOT_YOURS is gap.reason
    if journey.department in said.field.scope.readers:
        assert same(said.values, dict(journey.recall_all(key)))


def passed_through(shops: dict[str, Shop], talk: Talk) -> cx.Journey[Any]:
    """
    Return a journey on which each department has said its part.
    """
    first, *others = shops
    journey = shops[first][first].begin(channel="chat")
    say(journey, talk, shops[first])
    for name in others:
        journey = shops[name][name].receive(journey.hand_over(name))
        say(journey, talk, shops[name])
    return journey


@given(types.flatmap(lambda typed: st.tuples(st.just(typed), typed.values)))
def test_any_value_of_any_type_comes_back(typed_and_value):
    """
    A value on the wire and back is the same value.
    """
    typed, value = typed_and_value
    codec: TypeCodec[Any] = TypeCodec(typed.form)

    assert same(value, codec.from_wire(codec.to_wire(value, field="field")))


@given(talks())
def test_any_vocabulary_and_its_values_survive(talk):
    """
    Every reader of a field recalls exactly what was said, and nobody else does.
    """
    shop = Shop(talk.vocabulary(revision=1))
    journey = passed_through(dict.fromkeys(DEPARTMENTS, shop), talk)

    for name in DEPARTMENTS:
        arrived = shop[name].receive(bytes(journey.hand_over(name)))
        for said in talk.said:
            check(arrived, said)


@given(talks())
def test_any_journey_survives_its_rest(talk):
    """
    What was said is recalled after a rest as before.
    """
    shop = Shop(talk.vocabulary(revision=1))
    journey = passed_through(dict.fromkeys(DEPARTMENTS, shop), talk)
    raw = journey.save(shared=True)

    for name in DEPARTMENTS:
        for said in talk.said:
            check(shop[name].resume(raw), said)


@given(talks(), st.data())
def test_what_an_older_revision_does_not_know_is_carried_on(talk, data):
    """
    Through a department one revision behind, everything still arrives.
    """
    names = [*talk.scopes, *(said.name for said in talk.said)]
    unknown = frozenset(data.draw(st.sets(st.sampled_from(names))))
    newer = Shop(talk.vocabulary(revision=2))
    older = Shop(talk.vocabulary(revision=1, without=unknown))
    journey = passed_through(dict.fromkeys(DEPARTMENTS, newer), talk)
    through = data.draw(st.sampled_from(DEPARTMENTS))
    behind = older[through].receive(journey.hand_over(through))
    behind.accept()

    for name in DEPARTMENTS:
        arrived = newer[name].receive(behind.hand_over(name))
        for said in talk.said:
            check(arrived, said)


@given(talks(), st.data())
def test_one_revision_apart_nothing_is_lost_that_both_know(talk, data):
    """
    Each department is ahead or behind, and recalls all that its vocabulary has.
    """
    names = [*talk.scopes, *(said.name for said in talk.said)]
    unknown = frozenset(data.draw(st.sets(st.sampled_from(names))))
    newer = Shop(talk.vocabulary(revision=2))
    older = Shop(talk.vocabulary(revision=1, without=unknown))
    shops = {name: data.draw(st.sampled_from([newer, older])) for name in DEPARTMENTS}
    journey = passed_through(shops, talk)

    for name, shop in shops.items():
        arrived = shop[name].receive(journey.hand_over(name))
        for said in talk.said:
            if shop.knows(said) and shops[said.department].knows(said):
                check(arrived, said)


@st.composite
def grown_records(draw):
    """
    Return a record class, one with an attribute more, and a value of each.
    """
    typed = draw(records(st.sampled_from(SCALARS), by_name=True))
    added = draw(st.sampled_from(SCALARS))
    default, given_now = draw(added.values), draw(added.values)
    grown = attrs.make_class(
        typed.form.__name__,
        {"added": attrs.field(type=added.form, default=default, kw_only=True)},
        bases=(typed.form,),
        frozen=True,
    )
    old = draw(typed.values)
    known = {
        attribute.alias: getattr(old, attribute.name)
        for attribute in attrs.fields(typed.form)
    }
    return typed.form, grown, old, grown(**known, added=given_now), grown(**known)


@given(grown_records())
def test_a_record_that_grew_is_read_by_both(grown_record):
    """
    An attribute with a default may be added: the older ignore it, the newer have it.
    """
    form, grown, old, new, as_read = grown_record
    scopes = {"scope": cx.Scope(1, readers=DEPARTMENTS)}
    shops = []
    for revision, each in enumerate((form, grown), 1):
        field = cx.Field(1, each, scope=scopes["scope"])
        members = scopes | {"record": field}
        shops.append(Shop(type("Made", (cx.Vocabulary,), members, revision=revision)))
    older, newer = shops
    for ours, theirs, said, heard in (
        (older, newer, old, as_read),
        (newer, older, new, old),
    ):
        journey = ours["sales"].begin(channel="chat")
        journey.learn(ours.vocabulary.fields["record"].key, said)
        arrived = theirs["support"].receive(journey.hand_over("support"))
        again = ours["billing"].receive(arrived.hand_over("billing"))

        assert same(heard, arrived.recall(theirs.vocabulary.fields["record"].key))
        assert same(said, again.recall(ours.vocabulary.fields["record"].key))
