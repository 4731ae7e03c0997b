"""
What the services of a dialogue need, and what of it they need not ask.

A service *needs* a slot the first time that the slot appears in its user state. The
need is *repeatable* when one of its values was already in another service's user
state or system action earlier in the dialogue: in an earlier turn. Values are
compared in lower case; ``true``, ``false``, ``dontcare`` and the numbers 1 to 10 do
not count, for they are the same by chance.

Nothing here knows of the library: this is what a siloed system would do.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from dialogues import Dialogue

BY_CHANCE = frozenset({"true", "false", "dontcare", *map(str, range(1, 11))})

Place = tuple[str, str]  # a service and a slot


@attrs.frozen
class Need:
    """
    One slot that a service needs.

    Attributes:
        turn: In which turn; the first is 0.
        values: Those of its values that count, in lower case.
        repeatable: Those of them that another service knew already.
        known_from: Where these were said: services and slots.
    """

    turn: int
    service: str
    slot: str
    values: frozenset[str]
    repeatable: frozenset[str]
    known_from: frozenset[Place]


def counting(values: Iterable[str]) -> frozenset[str]:
    """
    Return those values that count, in lower case.
    """
    return frozenset(value.lower() for value in values) - BY_CHANCE


def needs_of(dialogue: Dialogue) -> list[Need]:
    """
    Return every need of a dialogue, in the order in which they come up.
    """
    needs: list[Need] = []
    met: set[Place] = set()
    said: dict[str, set[Place]] = {}
    for number, turn in enumerate(dialogue.turns):
        for frame in turn:
            for slot, all_values in (frame.state or {}).items():
                if (frame.service, slot) in met:
                    continue
                met.add((frame.service, slot))
                values = counting(all_values)
                elsewhere = {
                    value: [p for p in said.get(value, ()) if p[0] != frame.service]
                    for value in values
                }
                needs.append(
                    Need(
                        turn=number,
                        service=frame.service,
                        slot=slot,
                        values=values,
                        repeatable=frozenset(v for v in values if elsewhere[v]),
                        known_from=frozenset(p for v in values for p in elsewhere[v]),
                    )
                )
        for frame in turn:
            for slot, value in frame.mentioned():
                said.setdefault(value.lower(), set()).add((frame.service, slot))
    return needs
