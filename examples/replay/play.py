"""
One dialogue as one journey: departments that hand over, ask the journey, and learn.

Each department has its own keys and its own caches, as in a process of its own. What
travels from one to the next is an envelope's bytes, and nothing else does: what a
department keeps for itself is what it has said itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
from dialogues import Dialogue, FormatError, Frame, Turn, Values
from needs import Need, needs_of
from plan import DOMAIN, Key, Plan

import cxcontext as cx
from cxcontext.core.key_ring import KeyRing
from cxcontext.errors import CXContextError, UsageError

Fact = tuple[Key, str]  # a field, and the service and slot that it was said for


@attrs.frozen
class Arrival:
    """
    A journey that has come to a department, and what had been learned by then.
    """

    department: str
    journey: cx.Journey[Any]
    facts: Mapping[Fact, str]  # by whom


@attrs.define
class Played:
    """
    What came of one dialogue.

    Attributes:
        needs: What the services needed.
        answered: How many needs the journey answered.
        asked: How many the customer had to be asked for.
        repeated: The repeatable needs of which no value was found in the journey.
        envelopes: The bytes of each hand-over.
        arrivals: The journey as each receiver has it.
        left_out: What was not learned, or not handed over, by reason.
    """

    needs: list[Need]
    answered: int = 0
    asked: int = 0
    repeated: list[Need] = attrs.field(factory=list)
    envelopes: list[bytes] = attrs.field(factory=list)
    arrivals: list[Arrival] = attrs.field(factory=list)
    left_out: Counter[str] = attrs.field(factory=Counter)


def play(dialogue: Dialogue, plan: Plan, ring: KeyRing) -> Played:
    """
    Play one dialogue.

    Args:
        dialogue: What was said.
        plan: The vocabulary of its services.
        ring: The keys of all departments. Each is given its own.
    """
    return _Player(dialogue, plan, ring).play()


class _Player:
    def __init__(self, dialogue: Dialogue, plan: Plan, ring: KeyRing) -> None:
        self._dialogue = dialogue
        self._plan = plan
        self._ring = ring
        self._departments: dict[str, cx.Department[Any]] = {}
        self._said: dict[tuple[str, str], Values] = {}
        self._facts: dict[Fact, str] = {}
        self._service = ""
        self._journey: cx.Journey[Any] | None = None
        self._played = Played(needs_of(dialogue))

    def play(self) -> Played:
        needs: dict[tuple[int, str], list[Need]] = {}
        for need in self._played.needs:
            needs.setdefault((need.turn, need.service), []).append(need)
        for number, turn in enumerate(self._dialogue.turns):
            for frame in self._in_order(turn):
                journey = self._go_to(frame.service)
                # A turn may have two frames of one service, and they need once.
                for need in needs.pop((number, frame.service), ()):
                    self._meet(need, journey)
                self._learn(frame, journey)
        return self._played

    def _in_order(self, turn: Turn) -> Iterable[Frame]:
        # Whoever has the customer finishes before somebody else is called.
        return sorted(turn, key=lambda frame: frame.service != self._service)

    def _go_to(self, service: str) -> cx.Journey[Any]:
        """
        Return the journey at *service*, handed over if it was elsewhere.
        """
        if self._journey is None:
            self._journey = self._department(service).begin(channel="chat")
        elif service != self._service:
            self._journey = self._hand_over(self._journey, service)
        self._service = service
        return self._journey

    def _hand_over(self, journey: cx.Journey[Any], service: str) -> cx.Journey[Any]:
        receiver = self._department(service)
        try:
            raw = bytes(journey.hand_over(to=receiver.name))
            received = receiver.receive(raw)
        except CXContextError as problem:
            # A journey is not without limits. The next service then knows nothing.
            self._played.left_out[f"hand-over: {type(problem).__name__}"] += 1
            self._said, self._facts = {}, {}
            return receiver.begin(channel="chat")
        self._played.envelopes.append(raw)
        self._played.arrivals.append(
            Arrival(receiver.name, received, dict(self._facts))
        )
        return received

    def _meet(self, need: Need, journey: cx.Journey[Any]) -> None:
        """
        Ask the journey for what is needed, and only then the customer.
        """
        slot = self._plan.slots.get((need.service, need.slot))
        if slot is not None and self._is_known(need, slot.asks, journey):
            self._played.answered += 1
            return
        self._played.asked += 1
        if need.repeatable:
            self._played.repeated.append(need)
        if slot is not None:
            with self._left_out_if_refused():
                journey.asking(slot.key, qualifier=slot.qualifier)

    def _is_known(
        self, need: Need, asks: tuple[Key, ...], journey: cx.Journey[Any]
    ) -> bool:
        """
        Whether a value that is needed is among what can be recalled.

        One that can be repeated must be known from another department: what this
        one has suggested itself does not show that it need not have asked.
        """
        for key in asks:
            for qualifier, values in journey.recall_all(key).items():
                spoken = {value.lower() for value in values}
                if not need.repeatable:
                    if spoken & need.values:
                        return True
                elif spoken & need.repeatable:
                    fact = journey.fact(key, qualifier=qualifier)
                    if fact is not None and fact.department != journey.department:
                        return True
        return False

    def _learn(self, frame: Frame, journey: cx.Journey[Any]) -> None:
        """
        Learn what a frame says, each slot under its own name.
        """
        new: dict[str, Values] = {}
        for name, value in frame.mentioned():
            said = new.get(name) or self._said.get((frame.service, name), ())
            if value not in said:
                new[name] = (*said, value)
        for name, values in new.items():
            self._learn_slot(frame.service, name, values, journey)

    def _learn_slot(
        self, service: str, name: str, values: Values, journey: cx.Journey[Any]
    ) -> None:
        slot = self._plan.slots.get((service, name))
        kept = self._said.get((service, name), ())
        if slot is None:
            self._played.left_out["not a slot of the schema"] += len(values) - len(kept)
            self._said[service, name] = values
            return
        for value in values[len(kept) :]:
            # A card number, or what is too long: the others are learned all the same.
            with self._left_out_if_refused():
                journey.learn(slot.key, (*kept, value), qualifier=slot.qualifier)
                kept = (*kept, value)
                self._facts[slot.key, slot.qualifier] = journey.department
        self._said[service, name] = kept

    @contextmanager
    def _left_out_if_refused(self) -> Iterator[None]:
        """
        Count what the library refuses to carry, by the reason that it gives.
        """
        try:
            yield
        except UsageError as problem:
            self._played.left_out[type(problem).__name__] += 1

    def _department(self, service: str) -> cx.Department[Any]:
        if service not in self._departments:
            name = self._plan.departments.get(service)
            if name is None:
                where = f"dialogue {self._dialogue.id}"
                raise FormatError(f"{where}: the schema has no service {service}")
            # A domain of its own for each, for it holds the caches of one process.
            domain = cx.TrustDomain(
                DOMAIN, self._plan.vocabulary, keys=self._ring.public
            )
            keys = self._ring.private_keys(name)
            self._departments[service] = domain.department(name, keys=keys)
        return self._departments[service]
