"""
Homes and references: what they add to an engine's own round trip.
"""

from __future__ import annotations

import hmac
import multiprocessing
import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs

import cxcontext as cx
from bench.engines import Engine, engines
from bench.payload import NOW, Ring, Shop, fill
from bench.table import Table, number, verdict
from bench.timing import Case, measure
from cxcontext.homes import Home, Reference, ReferenceKeys, References
from cxcontext.homes.reference_record import ReferenceRecord, open_record, prefix_of
from cxcontext.stores.sqlite import SQLiteStore

PEPPER: Final = b"p" * 32
KEYS: Final = ReferenceKeys({0: b"k" * 32})
NOW_S: Final = int(NOW.timestamp())
ENDS_S: Final = NOW_S + 1800
PROCESSES: Final = 4
# A heads record: one id of 32 bytes, and the 16 bytes that AES-SIV adds.
HEADS_BYTES: Final = 48


def _minted() -> Reference:
    return KEYS.mint(expires_s=ENDS_S, random=secrets.token_bytes)


def reference_table(rounds: int) -> Table:
    """
    Mint and check a reference, without a store.
    """
    text = str(_minted())
    key, head = b"k" * 32, secrets.token_bytes(28)
    cases = {
        "one HMAC-SHA256 of 28 bytes": (
            lambda _: hmac.digest(key, head, "sha256"),
            None,
        ),
        "mint": (lambda _: _minted(), 20),
        "check": (lambda _: KEYS.parse(text, now_s=NOW_S), 25),
    }
    made = {name: Case(name, run, batch=200) for name, (run, _) in cases.items()}
    measure(made.values(), rounds=rounds)
    times = {name: case.median_us for name, case in made.items()}
    first = next(iter(times.values()))
    rows = [
        [
            name,
            number(times[name]),
            number(times[name] / first),
            "" if target is None else str(target),
            "" if target is None else verdict(times[name], target),
        ]
        for name, (_, target) in cases.items()
    ]
    head_row = ("without a store", "us", "of one HMAC", "at most us", "")
    return Table("References", head_row, rows)


@attrs.frozen
class _Put:
    reference: Reference
    record: bytes


def _record(envelope: bytes, reference: Reference) -> bytes:
    made = ReferenceRecord(
        audience="billing",
        message=False,
        ancestors=(),
        once=False,
        carried=False,
        envelope=envelope,
    )
    return made.seal(reference, random=secrets.token_bytes)


def _put(store: Any, envelope: bytes) -> Reference:
    reference = _minted()
    store.replace(
        reference.lookup,
        _record(envelope, reference),
        version=None,
        now_s=NOW_S,
        expires_s=ENDS_S,
    )
    return reference


def _redeem(store: Any, text: str) -> ReferenceRecord:
    reference = KEYS.parse(text, now_s=NOW_S)
    prefix = prefix_of("billing", once=False, message=False)
    found = store.claim(reference.lookup, b"c" * 16, prefix=prefix, now_s=1)
    return open_record(found[1], reference)


def round_trip_table(found: Sequence[Engine], envelope: bytes, rounds: int) -> Table:
    """
    Put and redeem a record, beside a plain write and read of as many bytes.
    """
    rows = []
    for engine in found:
        size = len(_record(envelope, _minted()))

        def fresh(size: int = size) -> tuple[bytes, bytes]:
            return secrets.token_bytes(32), secrets.token_bytes(size)

        def written(engine: Engine = engine) -> bytes:
            key, value = fresh()
            engine.put(key, value)
            return key

        def case(name: str, run: Any, prepare: Any) -> Case:
            return Case(name, run, prepare, batch=10, clock=time.perf_counter)

        store = engine.store
        cases = [
            case("write", lambda kv, e=engine: e.put(*kv), fresh),
            case("read", engine.get, written),
            case("put", lambda _, s=store: _put(s, envelope), None),
            case(
                "redeem",
                lambda text, s=store: _redeem(s, text),
                lambda s=store: str(_put(s, envelope)),
            ),
        ]
        measure(cases, rounds=rounds)
        us = {c.name: c.median_us for c in cases}
        # Redeeming writes down who did: its yardstick is a write, not a read.
        for name, raw in (("put", "write"), ("redeem", "write"), ("redeem", "read")):
            rows.append(
                [
                    f"{engine.name}: {name}, beside a plain {raw}",
                    number(us[name]),
                    number(us[raw]),
                    number(us[name] / us[raw]),
                    verdict(us[name] / us[raw], 1.5) if engine.name != "memory" else "",
                ]
            )
    head = ("record of a reference", "us", "plain us", "ratio", "at most 1.5")
    return Table("References in a store", head, rows)


def full_table(found: Sequence[Engine], rounds: int) -> Table:
    """
    Put and redeem, contribute and resume, with everything that belongs to it.
    """
    ring: Ring[Shop] = Ring(Shop)
    care, billing = ring.department("care"), ring.department("billing")
    rows = []
    for engine in found:
        references = References(engine.store, keys=KEYS, pepper=PEPPER)
        home = Home(engine.store, pepper=PEPPER)

        def begun() -> cx.Journey[Shop]:
            journey = fill(care.begin(channel="voice"))
            journey.begun()
            return journey

        def case(name: str, run: Any, prepare: Any) -> Case:
            return Case(name, run, prepare, batch=3, clock=time.perf_counter)

        cases = [
            case("put", lambda j, r=references: r.put(j, "billing"), begun),
            case(
                "redeem",
                lambda text, r=references: r.redeem(text, department=billing),
                lambda r=references: str(r.put(begun(), "billing")),
            ),
            case("contribute", lambda j, h=home: h.contribute(j), begun),
            case(
                "resume",
                lambda place, h=home: h.resume(place, department=billing),
                lambda h=home: h.contribute(begun()),
            ),
        ]
        measure(cases, rounds=rounds)
        rows.append([engine.name, *(number(c.median_us) for c in cases)])
    head = ("sealed before, us", "put", "redeem", "contribute", "resume")
    return Table("Homes and references, all of it", head, rows)


def _worker(path: str, envelope: bytes, seconds: float, begin: Any, done: Any) -> None:
    store = SQLiteStore(path)
    begin.wait()
    ends, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < ends:
        _redeem(store, str(_put(store, envelope)))
        count += 1
    done.put(count)


def processes_table(envelope: bytes, *, seconds: float) -> Table:
    """
    Put and redeem on one SQLite file, from several processes at once.
    """
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "home.db")
        SQLiteStore(path).close()
        done, begin = spawn.Queue(), spawn.Barrier(PROCESSES)
        workers = [
            spawn.Process(target=_worker, args=(path, envelope, seconds, begin, done))
            for _ in range(PROCESSES)
        ]
        for worker in workers:
            worker.start()
        pairs = sum(done.get() for _ in workers)
        for worker in workers:
            worker.join()
    per_second = pairs / seconds
    rows = [
        [
            f"{PROCESSES} processes, put and redeem",
            number(per_second),
            "2,000",
            "met" if per_second >= 2000 else "MISSED",
        ]
    ]
    head = ("SQLite, records of references", "pairs a second", "at least", "")
    return Table("References on SQLite", head, rows)


def _contribute_us(
    stores: Sequence[Any], care: cx.Department[Shop], rounds: int
) -> list[float]:
    """
    Return what contributing takes on each store, all in the same rounds.
    """

    def begun() -> cx.Journey[Shop]:
        journey = fill(care.begin(channel="voice"))
        journey.begun()
        return journey

    cases = [
        Case(
            "contribute",
            Home(store, pepper=PEPPER).contribute,
            begun,
            batch=3,
            clock=time.perf_counter,
        )
        for store in stores
    ]
    measure(cases, rounds=rounds)
    return [case.median_us for case in cases]


def _fill(store: Any, count: int, *sizes: int) -> None:
    # The same bytes each time, under other keys: no engine here compresses them.
    records = [secrets.token_bytes(size) for size in sizes]
    for _ in range(count):
        for record in records:
            store.replace(
                secrets.token_bytes(32),
                record,
                version=None,
                now_s=NOW_S,
                expires_s=NOW_S + 90 * 86_400,
            )


def resting_table(
    found: Sequence[Engine], envelope: bytes, *, resting: int, rounds: int
) -> Table:
    """
    Contribute to a home in which many journeys rest, and what each takes.
    """
    ring: Ring[Shop] = Ring(Shop)
    care = ring.department("care")
    few = min(1000, resting)
    rows = []
    for engine in found:
        reference_bytes = len(_record(envelope, _minted()))
        _fill(engine.small, few, len(envelope), HEADS_BYTES)
        before = engine.size_bytes()
        _fill(engine.filler, resting, len(envelope), HEADS_BYTES)
        per_journey = (engine.size_bytes() - before) / resting
        stores = (engine.small, engine.store)
        at_few, at_many = _contribute_us(stores, care, rounds)
        before = engine.size_bytes()
        _fill(engine.filler, resting, reference_bytes)
        per_reference = (engine.size_bytes() - before) / resting
        rows.append(
            [
                engine.name,
                number(at_few),
                number(at_many),
                number(at_many / at_few),
                verdict(at_many / at_few, 1.3),
                f"{per_journey:,.0f}",
                f"{per_reference:,.0f}",
            ]
        )
    head = (
        f"contribute, at {few:,} and {resting:,} resting",
        "us",
        "us",
        "ratio",
        "at most 1.3",
        "bytes a journey",
        "bytes a reference",
    )
    remarks = (
        f"A resting journey here is a record of {len(envelope):,} bytes and its heads.",
    )
    return Table("Homes that fill up", head, rows, remarks)


def home_tables(*, rounds: int, resting: int, seconds: float) -> list[Table]:
    """
    Measure on every engine that is here.
    """
    ring: Ring[Shop] = Ring(Shop)
    envelope = bytes(
        fill(ring.department("care").begin(channel="voice")).hand_over("billing")
    )
    with engines() as found:
        return [
            reference_table(rounds),
            round_trip_table(found, envelope, rounds),
            full_table(found, rounds),
            processes_table(envelope, seconds=seconds),
            resting_table(found, envelope, resting=resting, rounds=rounds),
        ]
