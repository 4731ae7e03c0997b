"""
The demo, run as a user runs it: what it says holds, and nothing of it is left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import attrs
import pytest

import cxcontext.demo

PROGRAM = "import sys; from cxcontext.demo import run; sys.exit(run(json={json}))"
PROCESSES = Path("/proc")
WIDTH = 88

needs_proc = pytest.mark.skipif(
    not (PROCESSES / "self" / "environ").exists(),
    reason="cannot be had here: a list of processes with their environment",
)


@attrs.frozen
class Started:
    """
    A demo that was started, with a folder for temporary files of its own.
    """

    process: subprocess.Popen[str]
    temporary: Path
    mark: str
    began_s: float

    def ended(self) -> tuple[int, str, str]:
        """
        Return its exit status, and what it wrote.
        """
        out, err = self.process.communicate(timeout=120)
        took_s = time.monotonic() - self.began_s
        print(f"the demo took {took_s:.1f} s")
        return self.process.returncode, out, err

    def left_behind(self) -> list[str]:
        """
        Return the files and processes that there still are.

        Every process of the demo has a mark in its environment. A process that
        has ended holds no port.
        """
        files = [str(path) for path in self.temporary.iterdir()]
        return files + [f"process {number}" for number in marked(self.mark)]


def marked(mark: str) -> list[int]:
    """
    Return the processes that have *mark* in their environment.
    """
    found = []
    for path in PROCESSES.glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:  # ended meanwhile, or somebody else's
            continue
        if mark.encode() in environment:
            found.append(int(path.parent.name))
    return found


@pytest.fixture(name="start", scope="module")
def _start(tmp_path_factory):
    """
    Return what starts a demo.
    """
    started = []

    def start(*, as_json=False, fault=None):
        temporary, mark = tmp_path_factory.mktemp("demo"), str(uuid.uuid4())
        environment = {**os.environ, "TMPDIR": str(temporary), "CXCONTEXT_MARK": mark}
        if fault is not None:
            environment["CXCONTEXT_DEMO_FAULT"] = fault
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(json=as_json)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return Started(process, temporary, mark, time.monotonic())

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(name="played", scope="module")
def _played(start):
    """
    Return the demo that was played once, with its document.
    """
    started = start(as_json=True)
    status, out, err = started.ended()
    assert ("", 0) == (err, status), out

    return started, json.loads(out)


@pytest.fixture(name="document")
def _document(played):
    """
    Return the document alone.
    """
    return played[1]


# --- the story ---------------------------------------------------------------


def test_everything_that_the_story_expects_holds(document):
    """
    Every expectation of every step, and of the whole, holds.
    """
    told = [e for step in document["steps"] for e in step["expectations"]]
    told += document["balance"]

    assert len(told) >= 25
    assert [] == [e["what"] for e in told if not e["held"]]
    assert document["held"]
    assert document["ended"] is None


def test_the_counts_agree_with_the_questions(document):
    """
    Each need was asked, avoided, confirmed or left alone; without, each is asked.
    """
    counts = document["counts"]
    questions = [q for step in document["steps"] for q in step["questions"]]
    outcomes = Counter(question["outcome"] for question in questions)

    assert counts["needed"] == len(questions) == counts["asked_without"]
    assert counts["asked"] == outcomes["asked"] == counts["events"]["Asked"]
    assert counts["avoided"] == outcomes["known"] > counts["asked"]
    assert counts["needed"] == sum(
        counts[name]
        for name in ("asked", "avoided", "confirmed", "left_alone", "sealed_for_others")
    )
    assert 0 == counts["repeated"] == counts["events"].get("Repeated", 0)
    assert counts["repeated_without"] == sum(
        question["alone"] == "asks again" for question in questions
    )


def test_nobody_is_asked_for_the_same_twice(document):
    """
    No field is asked for by two departments, or in two conversations.
    """
    asked = Counter(
        question["field"]
        for step in document["steps"]
        for question in step["questions"]
        if question["outcome"] == "asked"
    )

    assert {
        "full_name": 1,
        "order_number": 1,
        "email": 1,
        "deliver_to": 1,
        "card_last4": 1,
        "searched": 1,
    } == asked


def test_every_attack_is_refused_with_its_code(document):
    """
    What was changed, shown elsewhere, and shown again is refused, each by its code.
    """
    assert [
        ["billing", "bad_delivery_signature"],
        ["support", "wrong_audience"],
        ["billing", "replayed"],
    ] == document["counts"]["refusals"]


def test_only_billing_reads_the_payment_scope(document):
    """
    For all others that had the journey, the card is sealed; the shop wrote it.
    """
    sights = {sight["department"]: sight for sight in document["sights"]}
    readers = [name for name, s in sights.items() if "card_last4" in s["read"]]
    sealed = [name for name, s in sights.items() if "card_last4" in s["sealed"]]

    assert ["billing", "sales"] == sorted(readers)
    assert ["bot", "phone", "sales", "support"] == sorted(sealed)
    withheld = sum(len(sight["sealed"]) for sight in document["sights"])
    assert document["counts"]["facts_withheld"] == withheld


def test_the_measurements_are_measured(document):
    """
    Bytes and times are there, from seven processes, and envelopes fit a header.
    """
    counts = document["counts"]

    assert 7 == counts["processes"]
    assert counts["wire_bytes"] > counts["largest_bytes"] > 1000
    assert counts["largest_bytes"] <= 7168
    assert min(counts["library_ms"], counts["home_ms"], counts["start_ms"]) > 0
    assert "perf_counter" in document["measured"]
    assert counts["library_ms"] + counts["home_ms"] < document["seconds"] * 1000


@needs_proc
def test_nothing_is_left_behind(played):
    """
    No file and no process is left.
    """
    assert [] == played[0].left_behind()


def test_the_report_is_for_people(start):
    """
    It fits 88 columns, names who asked and who knew, and ends with the outcome.
    """
    status, out, err = start().ended()

    assert ("", 0) == (err, status), out
    assert [] == [line for line in out.splitlines() if len(line) > WIDTH]
    assert "\x1b" not in out
    assert "knew A-1187 (bot by chat)" in out
    assert "leaves it: the customer would not say" in out
    assert "bad_delivery_signature" in out
    assert "   NO  " not in out
    assert out.splitlines()[-1].startswith("All 25 expectations held.")


# --- how it fails ------------------------------------------------------------


def test_a_network_that_takes_envelopes_away_is_noticed(start):
    """
    Then support asks again, which the report says, and the exit status is 1.
    """
    started = start(as_json=True, fault="strips")
    status, out, _ = started.ended()
    document = json.loads(out)

    assert 1 == status
    assert not document["held"]
    assert document["counts"]["repeated"] > 0
    assert "400, absent" in document["ended"]
    assert not list(started.temporary.iterdir())


def test_an_attack_that_does_not_happen_is_noticed(start):
    """
    Where nothing is tampered with, nothing can be refused, and the status is 1.
    """
    status, out, _ = start(fault="honest").ended()

    assert 1 == status
    assert "NO  billing refused what had been changed: nothing" in out
    assert "2 of 25 expectations did NOT hold" in out


@needs_proc
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143)],
    ids=["Ctrl-C", "terminated"],
)
def test_nothing_is_left_behind_when_it_is_stopped(start, number, status):
    """
    In the middle of the story, too.
    """
    started = start()
    deadline_s = time.monotonic() + 60
    while len(marked(started.mark)) < 4 and time.monotonic() < deadline_s:
        time.sleep(0.02)
    started.process.send_signal(number)

    found, out, err = started.ended()

    assert (status, "") == (found, out)
    assert "Traceback" not in err
    assert [] == started.left_behind()


@pytest.mark.parametrize("missing", ["httpx", "uvicorn"])
def test_what_is_missing_is_named(monkeypatch, missing):
    """
    Without the extra's libraries, the error says how to install them.
    """
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ImportError, match=r"pip install 'cxcontext\[demo\]'") as ei:
        cxcontext.demo.run()

    assert missing == ei.value.name
