"""
Seal, hand over, receive: beside the raw cryptography of the same job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

import cxcontext as cx
from bench.crypto import Operations, Raw, count_operations
from bench.payload import READ, VALUES, Ring, Shop, fill
from bench.table import Table, number, verdict
from bench.timing import Case

HOPS: Final = 10
SAME_BYTES_AT_MOST_US: Final = 20.0
TEXT_AT_MOST_BYTES: Final = 1600
HOP_AT_MOST_BYTES: Final = 330
# The two rows that stand beside the peers'.
COLD: Final = "receive cold and read 2 of 4 scopes"
FROM_VALUES: Final = "from values to text: begin, learn, hand_over"
SHORT_OFFER: Final = "10.00 EUR"
# What a hop says in the benchmark of the peers.
LONG_OFFER: Final = "Offered a partial refund of 10.00 EUR"


@attrs.frozen(kw_only=True)
class Row:
    """
    One line of the main table.

    Args:
        case: What is timed.
        job: The cryptography that it is compared with.
        at_most: The target, as a ratio; None where there is none.
        really: What it was seen to call.
    """

    case: Case
    job: Operations | None
    at_most: float | None
    really: Operations


@attrs.frozen(kw_only=True)
class Bench:
    """
    What is timed, and the sizes.
    """

    rows: Sequence[Row]
    raw: dict[Operations, Case]
    same_bytes: Case
    text_bytes: int
    binary_bytes: int
    hop_bytes: float
    long_hop_bytes: float

    @property
    def cases(self) -> list[Case]:
        """
        Everything that takes its turn in the rounds.
        """
        return [*(row.case for row in self.rows), *self.raw.values(), self.same_bytes]


def _structure() -> None:
    """
    Structure the payload's values: `Journey.learn` does it, so sealing must not.
    """
    for key, value in VALUES:
        key.field.codec.to_wire(value, field=key.name)


def _hop(journey: cx.Journey[Shop], number_of_hop: int, offer: str) -> None:
    journey.learn(Shop.refund_offer, offer, qualifier=f"{number_of_hop}")
    journey.learn(Shop.order_number, f"EX-2049-{200 + number_of_hop}")


def _ten_hops(ring: Ring[Shop], offer: str) -> tuple[cx.Journey[Shop], list[str]]:
    """
    Return the last holder's journey of the payload and ten hops, and each envelope.
    """
    billing, sales = ring.department("billing"), ring.department("sales")
    holder, following = billing, sales
    first = fill(ring.department("care").begin(channel="voice"))
    texts = [str(first.hand_over("billing"))]
    for hop in range(HOPS):
        journey = holder.receive(texts[-1])
        _hop(journey, hop, offer)
        texts.append(str(journey.hand_over(following.name)))
        holder, following = following, holder
    return holder.receive(texts[-1]), texts


def _per_hop_bytes(texts: Sequence[str]) -> float:
    return (len(texts[HOPS]) - len(texts[0])) / HOPS


def read_two_scopes(journey: cx.Journey[Shop]) -> list[object]:
    """
    Return the six facts of two of the four scopes.
    """
    return [journey.recall(key) for key in READ]


def make_bench() -> Bench:
    """
    Return what is timed, having looked once at what each job really calls.
    """
    ring = Ring(Shop)
    care, billing, sales = map(ring.department, ("care", "billing", "sales"))
    envelope = fill(care.begin(channel="voice")).hand_over("billing")
    text = str(envelope)
    raw = Raw(envelope)
    ten, texts = _ten_hops(ring, SHORT_OFFER)
    _, long_texts = _ten_hops(ring, LONG_OFFER)

    def learned() -> cx.Journey[Shop]:
        return fill(care.begin(channel="voice"))

    def seal(journey: cx.Journey[Shop]) -> str:
        _structure()
        return journey.begun()

    def hand_over(journey: cx.Journey[Shop]) -> cx.Envelope:
        _structure()
        return journey.hand_over("billing")

    def read_cold(arrived: str) -> list[object]:
        return read_two_scopes(billing.receive(arrived))

    def next_of_three() -> str:
        # Sales sees the first two statements, says nothing, and gets the third.
        journey = billing.receive(str(learned().hand_over("billing")))
        _hop(journey, 0, SHORT_OFFER)
        back = sales.receive(str(journey.hand_over("sales")))
        journey = billing.receive(str(back.hand_over("billing")))
        _hop(journey, 1, SHORT_OFFER)
        return str(journey.hand_over("sales"))

    def from_values(_: object) -> str:
        return str(fill(care.begin(channel="voice")).hand_over("billing"))

    ten_reader = ring.department(ten.department)
    sender = ring.department("care" if ten.department != "care" else "sales")
    ten_reader.receive(texts[-1])
    seen = ten_reader.receive(texts[-1])

    def ten_again() -> str:
        # The same eleven statements and a delivery that is new to the reader.
        passed_on = str(seen.hand_over(sender.name))
        return str(sender.receive(passed_on).hand_over(ten_reader.name))

    def row(
        name: str,
        run: Callable[[Any], object],
        prepare: Callable[[], Any] | None = None,
        *,
        job: Operations | None = None,
        at_most: float | None = None,
    ) -> Row:
        case = Case(name, run, prepare)
        given = prepare() if prepare else None
        really = count_operations(lambda: run(given))
        return Row(case=case, job=job, at_most=at_most, really=really)

    def cold_envelope() -> str:
        return str(learned().hand_over("billing"))

    rows = [
        row(
            "seal: structure, encode, 4 HPKE seals, 1 signature",
            seal,
            learned,
            job=Operations(seals=4, signatures=1),
            at_most=1.25,
        ),
        row(
            "hand_over of the same with its delivery",
            hand_over,
            learned,
            job=Operations(seals=4, signatures=2),
            at_most=1.25,
        ),
        row(
            COLD,
            read_cold,
            # Never seen before, statement or delivery: nothing need be forgotten.
            cold_envelope,
            job=Operations(verifications=2, opens=2),
            at_most=1.35,
        ),
        row(
            "receive the next envelope of a 3-hop journey",
            sales.receive,
            next_of_three,
            job=Operations(verifications=2),
            at_most=1.5,
        ),
        row(
            "10 hops, statements seen before, new delivery",
            ten_reader.receive,
            ten_again,
            job=Operations(verifications=1),
            at_most=2.0,
        ),
        row(
            "seal without structure: what learn did before",
            lambda journey: journey.begun(),
            learned,
            job=Operations(seals=4, signatures=1),
        ),
        row(
            "hand_over without structure",
            lambda journey: journey.hand_over("billing"),
            learned,
            job=Operations(seals=4, signatures=2),
        ),
        row(
            "receive cold and read nothing",
            billing.receive,
            cold_envelope,
            job=Operations(verifications=2),
        ),
        row("structure the payload's values", lambda _: _structure()),
        row("learn the payload", fill, lambda: care.begin(channel="voice")),
        row(
            FROM_VALUES,
            from_values,
            job=Operations(seals=4, signatures=2),
        ),
        row("hand_over of nothing new", lambda _: seen.hand_over(sender.name)),
    ]
    jobs = {row.job for row in rows if row.job is not None}
    billing.receive(text)
    return Bench(
        rows=rows,
        raw={job: Case(f"raw: {job}", raw.job(job)) for job in sorted(jobs, key=str)},
        # The first of each batch is as warm as the others.
        same_bytes=Case(
            "the same bytes again",
            billing.receive,
            lambda: billing.receive(text) and text,
            batch=20,
        ),
        text_bytes=len(text),
        binary_bytes=len(bytes(envelope)),
        hop_bytes=_per_hop_bytes(texts),
        long_hop_bytes=_per_hop_bytes(long_texts),
    )


def time_table(bench: Bench) -> Table:
    """
    Return the main table, once the cases are measured.
    """
    rows: list[list[str]] = []
    remarks: list[str] = []
    for row in bench.rows:
        took_us = row.case.median_us
        cells = [row.case.name, number(took_us), "", "", "", ""]
        if row.job is not None:
            raw_us = bench.raw[row.job].median_us
            ratio = took_us / raw_us
            cells[2:4] = [number(raw_us), f"{ratio:.2f} x"]
            if row.at_most is not None:
                cells[4:] = [f"{row.at_most:.2f} x", verdict(ratio, row.at_most)]
            if row.job != row.really:
                remarks.append(
                    f"not like for like: {row.case.name} is compared with {row.job}, "
                    f"and was seen to do {row.really}"
                )
        rows.append(cells)
    again_us = bench.same_bytes.median_us
    rows.insert(
        4,
        [
            bench.same_bytes.name,
            number(again_us),
            "",
            "",
            f"{SAME_BYTES_AT_MOST_US:.0f} us",
            verdict(again_us, SAME_BYTES_AT_MOST_US),
        ],
    )
    return Table(
        "Time",
        ("what", "us", "raw us", "ratio", "at most", "target"),
        rows,
        remarks,
    )


def size_table(bench: Bench) -> Table:
    """
    Return the table of sizes.
    """
    targets = (
        ("text with delivery", bench.text_bytes, TEXT_AT_MOST_BYTES),
        (
            "each further hop, 2 short facts in 1 scope",
            bench.hop_bytes,
            HOP_AT_MOST_BYTES,
        ),
        (
            "each further hop, one fact a sentence of 37 characters",
            bench.long_hop_bytes,
            HOP_AT_MOST_BYTES,
        ),
    )
    rows = [
        [name, f"{size:,.0f}", f"{at_most:,}", verdict(size, at_most)]
        for name, size, at_most in targets
    ]
    rows.insert(1, ["binary with delivery", f"{bench.binary_bytes:,}", "", ""])
    return Table("Bytes", ("what", "bytes", "at most", "target"), rows)
