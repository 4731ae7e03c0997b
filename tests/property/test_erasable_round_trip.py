"""
Any journey survives that is erasable, and nothing of it survives its erasure.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from test_round_trip import Shop, check, passed_through, say

import cxcontext as cx
from cxcontext import Reason
from cxcontext.core.department import Department
from cxcontext.testing.strategies import Said, talks
from cxcontext.testing.strategies.vocabularies import DEPARTMENTS


class Secrets:
    """
    Secrets that are forgotten as soon as they are deleted.
    """

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def create(self, journey_id: str) -> bytes:
        """
        Return the secret of a journey that begins.
        """
        return self.kept.setdefault(journey_id, bytes.fromhex(journey_id) * 2)

    def find(self, journey_id: str) -> bytes | None:
        """
        Return the secret of a journey, if it is kept.
        """
        return self.kept.get(journey_id)


class ErasableShop(Shop):
    """
    A process whose journeys are erasable, and whose departments share secrets.
    """

    def __init__(self, vocabulary: type[cx.Vocabulary], secrets: Secrets) -> None:
        super().__init__(vocabulary)
        self.secrets = secrets

    def __getitem__(self, name: str) -> Department[Any]:
        plain = super().__getitem__(name)
        department = self.domain.department(name, keys=plain.keys, secrets=self.secrets)
        begin = department.begin
        department.begin = lambda **how: begin(**how, erasable=True)  # type: ignore[method-assign]
        return department


def unread(journey: cx.Journey[Any], said: Said) -> None:
    """
    Hold that nothing of what was said is there to be used.
    """
    for qualifier in said.values:
        gap = journey.gap(said.field.key, qualifier=qualifier)
        assert gap is not None
        assert gap.reason in (Reason.UNREADABLE, Reason.NOT_YOURS)
    assert {} == journey.recall_all(said.field.key)


@given(talks())
def test_any_erasable_journey_survives(talk):
    """
    Every reader of a field recalls exactly what was said, handed over and rested.
    """
    shop = ErasableShop(talk.vocabulary(revision=1), Secrets())
    journey = passed_through(dict.fromkeys(DEPARTMENTS, shop), talk)
    rested = journey.save(shared=True)

    assert journey.is_erasable
    for name in DEPARTMENTS:
        arrived = shop[name].receive(bytes(journey.hand_over(name)))
        for said in talk.said:
            check(arrived, said)
            check(shop[name].resume(rested), said)


@given(talks())
def test_nothing_survives_its_erasure(talk):
    """
    Without the secret nobody recalls anything, in copies open, sent and at rest.
    """
    secrets = Secrets()
    shop = ErasableShop(talk.vocabulary(revision=1), secrets)
    journey = passed_through(dict.fromkeys(DEPARTMENTS, shop), talk)
    rested = journey.save(shared=True)
    copies = [shop[n].receive(bytes(journey.hand_over(n))) for n in DEPARTMENTS]
    for copy in copies:
        copy.explain()

    secrets.kept.clear()

    copies += [shop[name].resume(rested) for name in DEPARTMENTS]
    for copy in copies:
        for said in talk.said:
            unread(copy, said)


@given(talks(), st.sampled_from(DEPARTMENTS))
def test_who_has_no_secrets_carries_it_on(talk, without):
    """
    Through a department that can read nothing of it, everything still arrives.
    """
    shop = ErasableShop(talk.vocabulary(revision=1), Secrets())
    first = DEPARTMENTS[0]
    journey = shop[first].begin(channel="chat")
    say(journey, talk, shop)
    department = shop[without]
    blind = shop.domain.department(without, keys=department.keys)
    behind = blind.receive(journey.hand_over(without))
    behind.accept()

    for name in DEPARTMENTS:
        arrived = shop[name].receive(behind.hand_over(name))
        for said in talk.said:
            if said.department == first:
                check(arrived, said)
