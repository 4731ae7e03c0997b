"""
Growth: what a statement, a fact and a scope more cost, from few to the limits.

Linear growth shows as a flat line of microseconds per unit, and as an exponent of 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import new_class
from typing import Any, Final, TypeAlias

import attrs

import cxcontext as cx
from bench.payload import DEPARTMENTS, Ring
from bench.table import Table, number
from bench.timing import Case, exponent, measure

STATEMENTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FACTS: Final = (1, 2, 4, 8, 16, 32, 64, 125, 250, 500, 1000)
SCOPES: Final = (1, 2, 4, 8, 16, 32, 64)
# Above it, twice the size costs more than 2.2 times as much.
LINEAR_AT_MOST: Final = 1.15


def _wide(scopes: int) -> type[cx.Vocabulary]:
    """
    Return a vocabulary of that many scopes, each with one field of many values.
    """
    body: dict[str, Any] = {}
    for n in range(1, scopes + 1):
        scope = body[f"scope_{n}"] = cx.Scope(n, readers=DEPARTMENTS)
        body[f"field_{n}"] = cx.Field(n, str, scope=scope, many=True)
    return new_class(
        "Wide", (cx.Vocabulary,), {"revision": 1}, lambda b: b.update(body)
    )


WIDE: Final = _wide(max(SCOPES))
KEYS: Final[list[Any]] = [getattr(WIDE, f"field_{n}") for n in range(1, 65)]
Slot: TypeAlias = tuple[int, int]  # which field, and which of its values


@attrs.frozen(kw_only=True)
class Growth:
    """
    One job at several sizes.

    Args:
        name: What is done.
        unit: Of what there are more.
        sizes: How many.
        cases: The job at each size.
    """

    name: str
    unit: str
    sizes: Sequence[int]
    cases: Sequence[Case]

    @property
    def exponent(self) -> float:
        """
        The power of the size by which the median grows, over the upper half.
        """
        return exponent(self.sizes, [case.median_us for case in self.cases])

    @property
    def last_step(self) -> float:
        """
        The same between the two largest sizes, where a steeper end would show first.
        """
        times = [case.median_us for case in self.cases[-2:]]
        return exponent(self.sizes[-2:], times, share=1)

    @property
    def is_linear(self) -> bool:
        """
        Whether neither of the two says that it grows faster than the size.
        """
        return max(self.exponent, self.last_step) <= LINEAR_AT_MOST


@attrs.frozen
class Shape:
    """
    Journeys that grow in one way.

    Args:
        unit: Of what there are more.
        slots: Which facts a journey of a size has.
        sealed_each: Whether each is a statement of its own.
    """

    unit: str
    slots: Callable[[int], list[Slot]]
    sealed_each: bool = False


SHAPES: Final = (
    Shape("statement", lambda size: [(0, n) for n in range(size)], sealed_each=True),
    Shape("fact", lambda size: [(0, n) for n in range(size)]),
    Shape("scope", lambda size: [(n, 0) for n in range(size)]),
)


class Grower:
    """
    Makes the cases of one shape, for departments that share keys and no caches.
    """

    def __init__(self, ring: Ring[Any], shape: Shape) -> None:
        self._ring = ring
        self._shape = shape
        self._writer = ring.department("care")
        self._reader = ring.department("billing")

    def growths(self, sizes: Sequence[int]) -> list[Growth]:
        """
        Return the jobs of the shape at these sizes.
        """
        jobs: dict[str, Callable[[int], Case]] = {
            "learn": self._learn,
            "hand over": self._hand_over,
            "receive cold": self._receive_cold,
            "receive cold, read every fact": self._read_cold,
        }
        if self._shape.sealed_each:
            jobs |= {
                "receive, statements seen before": self._receive_seen,
                "learn and seal one more onto them": self._one_more,
            }
            jobs["learn and seal each"] = jobs.pop("learn")
        return [
            Growth(
                name=name,
                unit=self._shape.unit,
                sizes=sizes,
                cases=[make(size) for size in sizes],
            )
            for name, make in jobs.items()
        ]

    def _journey(self, size: int) -> cx.Journey[Any]:
        journey = self._writer.begin(channel="chat")
        for field, n in self._shape.slots(size):
            journey.learn(KEYS[field], f"value {n:04}", qualifier=f"{n}")
            if self._shape.sealed_each:
                journey.begun()
        return journey

    def _case(
        self,
        run: Callable[[Any], object],
        prepare: Callable[[], Any] | None = None,
    ) -> Case:
        return Case("", run, prepare, batch=1)

    def _learn(self, size: int) -> Case:
        return self._case(lambda _: self._journey(size))

    def _hand_over(self, size: int) -> Case:
        def hand_over(journey: cx.Journey[Any]) -> object:
            return journey.hand_over("billing")

        if self._shape.sealed_each:
            sealed = self._journey(size)
            return self._case(lambda _: hand_over(sealed))
        # What a journey seals by itself when it holds much is part of `learn`.
        return self._case(hand_over, lambda: self._journey(size))

    def _arriving(self, size: int) -> Callable[[], tuple[cx.Department[Any], str]]:
        text = str(self._journey(size).hand_over("billing"))
        return lambda: (self._ring.department("billing"), text)

    def _receive_cold(self, size: int) -> Case:
        return self._case(
            lambda given: given[0].receive(given[1]), self._arriving(size)
        )

    def _read_cold(self, size: int) -> Case:
        asked = [(KEYS[field], f"{n}") for field, n in self._shape.slots(size)]

        def read(given: tuple[cx.Department[Any], str]) -> object:
            department, text = given
            journey = department.receive(text)
            values = [journey.recall(key, qualifier=name) for key, name in asked]
            if None in values:
                msg = "a fact that was sealed is not recalled"
                raise RuntimeError(msg)
            return values

        return self._case(read, self._arriving(size))

    def _receive_seen(self, size: int) -> Case:
        journey = self._journey(size)
        self._reader.receive(str(journey.hand_over("billing")))
        return self._case(
            self._reader.receive, lambda: str(journey.hand_over("billing"))
        )

    def _one_more(self, size: int) -> Case:
        before = self._journey(size - 1)

        def prepare() -> cx.Journey[Any]:
            # The root cannot be forked: a journey that has none yet is made again.
            return before.fork() if size > 1 else self._journey(0)

        def run(journey: cx.Journey[Any]) -> object:
            journey.learn(KEYS[0], "one more", qualifier="more")
            return journey.begun()

        return self._case(run, prepare)


def measure_growth(
    *,
    rounds: int,
    statements: Sequence[int] = STATEMENTS,
    facts: Sequence[int] = FACTS,
    scopes: Sequence[int] = SCOPES,
) -> list[Growth]:
    """
    Return every job at every size, measured in interleaved rounds.
    """
    ring: Ring[Any] = Ring(WIDE)
    sizes = {"statement": statements, "fact": facts, "scope": scopes}
    growths = [
        growth
        for shape in SHAPES
        for growth in Grower(ring, shape).growths(sizes[shape.unit])
    ]
    measure((case for growth in growths for case in growth.cases), rounds=rounds)
    return growths


def growth_tables(growths: Sequence[Growth]) -> list[Table]:
    """
    Return a table of microseconds per unit for each unit.
    """
    tables: list[Table] = []
    for unit in dict.fromkeys(growth.unit for growth in growths):
        of_unit = [growth for growth in growths if growth.unit == unit]
        rows = [
            [
                growth.name,
                *(
                    number(case.median_us / size)
                    for size, case in zip(growth.sizes, growth.cases, strict=True)
                ),
                f"{growth.exponent:.2f}",
                f"{growth.last_step:.2f}",
                "linear" if growth.is_linear else "NOT LINEAR",
            ]
            for growth in of_unit
        ]
        sizes = [f"{size:,}" for size in of_unit[0].sizes]
        head = (f"us per {unit}, of", *sizes, "exponent", "last step", "growth")
        tables.append(Table(f"Growth with {unit}s", head, rows))
    return tables
