"""
Calls: what a SIP value costs, and the ladder while calls go through a proxy.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import attrs

import cxcontext as cx
from bench.payload import NOW, Ring, Shop, fill
from bench.table import Table, number, verdict
from bench.timing import Case, measure
from cxcontext.homes import (
    Codes,
    Correlations,
    Home,
    ReferenceKeys,
    References,
)
from cxcontext.stores.sqlite import SQLiteStore
from cxcontext.telephony.ladder import Ladder, Leg, dialog_key, leg_of
from cxcontext.telephony.refer_to import (
    Dialog,
    parse_address,
    parse_replaces,
    salvage,
    with_headers,
)
from cxcontext.telephony.sip import read
from cxcontext.telephony.user_to_user import parse, user_to_user

SCENARIOS: Final = Path(__file__).parents[1] / "tests" / "telephony" / "scenarios"
HOST: Final = "127.0.0.1"
PEPPER: Final = b"p" * 32
KEYS: Final = ReferenceKeys({0: b"k" * 32})
TEXT: Final = "CX" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" + "A" * 14
TARGET: Final = "sip:billing@pbx.example"
VALUE_US: Final = 15
MEDIAN_MS: Final = 2
WORST_MS: Final = 5
# By what every fourth call is found.
KINDS: Final = ("header", "index", "code", "nothing")
_HOW_TIMED: Final = (
    "Timed from the INVITE's headers to the journey, in one thread that also answers. "
    "A redeemed reference is one durable write, a code is four more."
)


def value_table(rounds: int) -> Table:
    """
    Parse and emit single values, without a store.
    """
    uui = user_to_user(TEXT).encode()
    folded = f'"04{TEXT.encode().hex()}"\r\n ; Encoding = HEX;purpose="isdn-uui"'
    dialog = Dialog(call_id="98732@host", to_tag="r33th4x0r", from_tag="ff87ff")
    address = with_headers(
        TARGET, [("Replaces", dialog.encode()), ("User-to-User", uui)]
    )
    damaged = f"{TARGET}?User-to-User={uui}".replace(";", "?").replace("n=", "n?")
    request = [
        ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
        ("From", '"Ada" <sip:+12025550123@carrier.example>;tag=1'),
        ("To", f"<{TARGET}>"),
        ("Call-ID", "a84b4c76e66710@192.0.2.1"),
        ("CSeq", "1 INVITE"),
        ("User-to-User", uui),
        ("X-Customer-Context", TEXT),
    ]
    works: dict[str, Callable[[Any], object]] = {
        "emit a User-to-User": lambda _: user_to_user(TEXT).encode(),
        "parse a User-to-User to its reference": (
            lambda _: parse([uui])[0].reference()
        ),
        "parse one that is folded, quoted and upper-case": (
            lambda _: parse([folded])[0].reference()
        ),
        "emit a Refer-To": lambda _: with_headers(TARGET, [("User-to-User", uui)]),
        "parse a Refer-To with Replaces": lambda _: parse_address(address),
        "parse a Replaces": lambda _: parse_replaces(dialog.encode()),
        "salvage from a damaged Request-URI": lambda _: salvage(damaged),
        "read a whole INVITE": lambda _: read(request, request_uri=TARGET),
    }
    cases = [Case(name, run, batch=200) for name, run in works.items()]
    measure(cases, rounds=rounds)
    rows = []
    for case in cases:
        one = case.name != "read a whole INVITE"
        rows.append(
            [
                case.name,
                number(case.median_us),
                str(VALUE_US) if one else "",
                verdict(case.median_us, VALUE_US) if one else "",
            ]
        )
    return Table("SIP values", ("one value", "us", "at most us", ""), rows)


@attrs.frozen
class _Prepared:
    """
    What one call will bring: a line of the file of headers, and what was typed.
    """

    header: str
    code: str | None = None


class _Line:
    """
    Billing's telephone: answers what comes, and times the ladder for every call.
    """

    def __init__(self, ladder: Ladder[Shop], calls: Sequence[_Prepared]) -> None:
        self.ladder, self.calls = ladder, calls
        # By the wall, and of this thread's processor.
        self.took_s: dict[str, list[tuple[float, float]]] = {k: [] for k in KINDS}
        self.found: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.first_s = self.last_s = 0.0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.settimeout(0.2)
        self.port: int = self.socket.getsockname()[1]
        self._answers: dict[str, bytes] = {}

    def serve(self, calling: subprocess.Popen[bytes]) -> None:
        """
        Answer until whoever calls has finished.
        """
        while calling.poll() is None:
            try:
                raw, who = self.socket.recvfrom(65_536)
            except TimeoutError:
                continue
            answer = self._answer(raw)
            if answer is not None:
                self.socket.sendto(answer, who)

    def _answer(self, raw: bytes) -> bytes | None:
        start, *lines = raw.decode().partition("\r\n\r\n")[0].split("\r\n")
        method, uri, _ = start.split(" ", 2)
        pairs = [line.partition(":") for line in lines]
        headers = [(name, value.strip()) for name, _, value in pairs]
        call_id = next(value for name, value in headers if name == "Call-ID")
        if method == "ACK":
            return None
        # Kamailio repeats what was not answered within half a second.
        if method == "INVITE" and call_id not in self._answers:
            self._resolve(call_id, headers, uri)
        same = ("Via", "From", "Call-ID", "CSeq", "Record-Route")
        kept = [f"{name}: {value}" for name, value in headers if name in same]
        to = next(value for name, value in headers if name == "To")
        to += ";tag=b" if "tag=" not in to else ""
        contact = f"Contact: <sip:billing@{HOST}:{self.port}>"
        answer = ["SIP/2.0 200 OK", *kept, f"To: {to}", contact, "Content-Length: 0"]
        self._answers[call_id] = "\r\n".join([*answer, "", ""]).encode()
        return self._answers[call_id]

    def _resolve(
        self, call_id: str, headers: Sequence[tuple[str, str]], uri: str
    ) -> None:
        which = int(call_id.partition("@")[0]) - 1
        kind, code = KINDS[which % len(KINDS)], self.calls[which].code
        worked, begun = time.thread_time(), time.perf_counter()
        leg = leg_of(
            read(headers, request_uri=uri), lease=call_id, trusted=True, code=code
        )
        resolved = self.ladder.resolve(leg)
        ended = time.perf_counter()
        self.took_s[kind].append((ended - begun, time.thread_time() - worked))
        self.found[kind] += resolved.rung is not None
        self.first_s, self.last_s = self.first_s or begun, ended


def _parts(store: SQLiteStore) -> dict[str, Any]:
    def clock() -> Any:
        return NOW

    return {
        "references": References(store, keys=KEYS, pepper=PEPPER),
        "correlations": Correlations(store, pepper=PEPPER, clock=clock),
        "codes": Codes(store, pepper=PEPPER, clock=clock),
        "home": Home(store, pepper=PEPPER),
    }


def _prepare(parts: dict[str, Any], care: cx.Department[Shop], which: int) -> _Prepared:
    kind, nothing = KINDS[which % len(KINDS)], "X-Nothing: 1;2"
    if kind == "nothing":
        return _Prepared(nothing)
    journey = fill(care.begin(channel="voice"))
    reference = parts["references"].put(journey, "billing")
    if kind == "header":
        value = user_to_user(str(reference)).encode()
        return _Prepared(f"User-to-User: {value}")
    if kind == "code":
        line = f"billing@{HOST}"
        return _Prepared(nothing, str(parts["codes"].issue(reference, line=line)))
    parts["correlations"].note(
        dialog_key(f"{which + 1}@bench"),
        reference=reference,
        expires_at=reference.expires_at,
    )
    return _Prepared(nothing)


@contextmanager
def _proxy(folder: Path, port: int, there: int) -> Generator[None]:
    program = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    route = f'    if ($rU == "billing") {{ $du = "sip:{HOST}:{there}"; }}'
    config = (SCENARIOS / "kamailio.cfg").read_text()
    config = config.format(host=HOST, port=port, routes=route, strip="", timer_ms=5000)
    (folder / "kamailio.cfg").write_text(config)
    options = ("-f", str(folder / "kamailio.cfg"), "-DD", "-E")
    places = ("-w", str(folder), "-Y", str(folder), "-m", "64", "-M", "8")
    process = subprocess.Popen(  # noqa: S603 - our own words
        [str(program), *options, *places],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        # Its sockets are there in less; sipp sends again what it does not answer.
        time.sleep(1)
        yield
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        tried.bind((HOST, 0))
        port: int = tried.getsockname()[1]
        return port


def _call(stack: ExitStack, folder: Path, port: int, calls: int, rate: int) -> Any:
    header = "[field0];[field1]"
    scenario = (SCENARIOS / "uac.xml").read_text().replace("[field0]", header)
    (folder / "uac.xml").write_text(scenario)
    process = subprocess.Popen(  # noqa: S603 - our own words
        [
            *("sipp", f"{HOST}:{port}", "-sf", str(folder / "uac.xml"), "-i", HOST),
            *("-p", str(_free_port()), "-m", str(calls), "-r", str(rate), "-t", "u1"),
            *("-inf", str(folder / "headers.csv"), "-cid_str", "%u@bench"),
            *("-timeout", str(30 + calls // rate), "-timeout_error", "-nostdin"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def end() -> None:
        process.kill()
        process.wait()

    stack.callback(end)
    return process


def ladder_table(
    *, rate: int, seconds: float, synchronous: Literal["FULL", "NORMAL"] = "FULL"
) -> Table:
    """
    Resolve every call that sipp makes through Kamailio, on one SQLite file.
    """
    head = (
        *("found by", "calls", "found", "median ms", "p99 ms", "at most", ""),
        "processor ms",
    )
    which = f"SQLite {sqlite3.sqlite_version}, synchronous={synchronous}"
    title = f"The ladder on {which}, at {rate} calls a second"
    if not shutil.which("sipp") or not shutil.which("kamailio", path="/usr/sbin"):
        return Table(title, head, [], ("sipp and Kamailio are not here.",))
    calls = max(len(KINDS), int(rate * seconds))
    ring: Ring[Shop] = Ring(Shop)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = SQLiteStore(folder / "calls.db", synchronous=synchronous)
        stack.callback(store.close)
        parts = _parts(store)
        care = ring.department("care")
        prepared = [_prepare(parts, care, which) for which in range(calls)]
        lines = "\n".join(["SEQUENTIAL", *(one.header for one in prepared)])
        (folder / "headers.csv").write_text(lines + "\n")
        ladder = Ladder(ring.department("billing"), **parts)
        ladder.resolve(Leg(lease=secrets.token_hex(8)))
        line = _Line(ladder, prepared)
        stack.callback(line.socket.close)
        port = _free_port()
        stack.enter_context(_proxy(folder, port, line.port))
        calling = _call(stack, folder, port, calls, rate)
        line.serve(calling)
        failed = calling.returncode != 0
    rows = [_row(kind, line.took_s[kind], line.found[kind]) for kind in KINDS]
    every = [one for took in line.took_s.values() for one in took]
    rows.append(_row("all", every, sum(line.found.values()), judged=True))
    achieved = len(every) / max(line.last_s - line.first_s, 1e-9)
    became = "sipp says that some failed" if failed else "none failed"
    came = f"{number(achieved)} calls a second came through Kamailio, and {became}."
    load = f"Load of the machine afterwards: {os.getloadavg()[0]:.1f}."
    return Table(title, head, rows, (came, load, _HOW_TIMED))


def _row(
    name: str,
    took_s: Sequence[tuple[float, float]],
    found: int,
    *,
    judged: bool = False,
) -> list[str]:
    if len(took_s) < 2:
        return [name, str(len(took_s)), str(found), "", "", "", "", ""]
    walls_s = [wall for wall, _ in took_s]
    median = statistics.median(walls_s) * 1000
    worst = statistics.quantiles(walls_s, n=100, method="inclusive")[98] * 1000
    held = median <= MEDIAN_MS and worst <= WORST_MS
    return [
        name,
        f"{len(took_s):,}",
        f"{found:,}",
        number(median),
        number(worst),
        f"{MEDIAN_MS} and {WORST_MS}" if judged else "",
        ("met" if held else "MISSED") if judged else "",
        number(statistics.median(worked for _, worked in took_s) * 1000),
    ]


def call_tables(*, rounds: int, rate: int, seconds: float) -> list[Table]:
    """
    Measure values, and then the ladder under load.
    """
    return [
        value_table(rounds),
        ladder_table(rate=rate, seconds=seconds),
        ladder_table(rate=rate, seconds=seconds, synchronous="NORMAL"),
    ]
