"""
The example call centre, run as it is: real calls through Kamailio, nobody asked twice.

Skipped where Kamailio is not installed; in CI that is a failure.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

RUN = Path(__file__).resolve().parents[2] / "examples" / "call_centre" / "run.py"
PATIENCE_S = 300
# What the customer said and the departments noted.
VALUES = ("Alex", "A-118", "The lid", "4242", "R-5512", "be generous")
PHONES = ("2025550100", "2025550123")


@attrs.frozen
class Played:
    """
    What one run printed and left behind.
    """

    status: int
    text: str
    directory: Path

    def screen(self, title):
        """
        Return the lines of one screen by field, the first and the last one apart.
        """
        [block] = re.findall(
            rf"^    \+-- ({re.escape(title)}.*?)^    \+-- (.*?)$",
            self.text,
            re.MULTILINE | re.DOTALL,
        )
        head, *lines = block[0].splitlines()
        rows = [re.split(r"  +", line.removeprefix("    | ")) for line in lines]
        return head, {row[0]: row[1:] for row in rows}, block[1]

    def logs(self):
        """
        Return every log by its name.
        """
        return {
            path.name: path.read_text("utf-8") for path in self.directory.glob("*.log")
        }

    def events(self, kind):
        """
        Return the events of one kind: the department and the rest.
        """
        rows = (json.loads(row) for row in self.logs()["events.log"].splitlines())
        return [row for row in rows if row["event"] == kind]


def run(*options):
    """
    Run the command.
    """
    return subprocess.run(
        [sys.executable, str(RUN), *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def played(directory, *options):
    """
    Play it, with what it leaves behind kept.
    """
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    if shutil.which("kamailio", path=places) is None:
        assert "CI" not in os.environ, "CI installs kamailio"
        pytest.skip("kamailio is not installed")
    done = run("--directory", str(directory), *options)
    return Played(done.returncode, done.stdout + done.stderr, directory)


@pytest.fixture(scope="module")
def headers(tmp_path_factory):
    """
    A run in which headers arrive.
    """
    return played(tmp_path_factory.mktemp("headers"))


@pytest.fixture(scope="module")
def stripped(tmp_path_factory):
    """
    A run in which a proxy takes them all.
    """
    return played(tmp_path_factory.mktemp("stripped"), "--strip")


@pytest.fixture(params=["headers", "stripped"])
def centre(request):
    """
    Either.
    """
    return request.getfixturevalue(request.param)


def test_nobody_asks_twice(centre):
    """
    Only the chat asks, each thing once, and the departments know it all days on end.
    """
    assert (0, True) == (centre.status, "asked twice: nobody" in centre.text), (
        centre.text
    )
    asked = [(row["department"], row["field"]) for row in centre.events("Asked")]
    assert [("sales", f) for f in ("full_name", "problem", "card_last4")] == asked
    assert [] == centre.events("Repeated")
    known = {(row["department"], row["field"]) for row in centre.events("Avoided")}
    contact = {"full_name", "order_number", "problem"}
    assert {("support", field) for field in contact | {"refund"}} | {
        ("billing", field) for field in contact | {"card_last4"}
    } == known


def test_each_screen_shows_what_is_its_departments(centre):
    """
    A stranger's order is shown to nobody, the card to billing, the note to support.
    """
    head, rows, foot = centre.screen("support: found by")
    assert head.endswith("arrived as possession")
    assert ["--", "not identified"] == rows["order number"]
    assert "must check who is calling" == foot

    _, rows, foot = centre.screen("support: after the caller was identified")
    assert ["A-118", "stated to sales by chat"] == rows["order number"]
    assert ["--", "not yours"] == rows["card last4"]
    assert "must ask: nothing" == foot

    head, rows, foot = centre.screen("billing: the consultation")
    assert head.endswith("arrived as delivery")
    assert ["4242", "stated to sales by chat"] == rows["card last4"]
    assert ["--", "not yours"] == rows["note"]
    assert "generous" not in str(rows)
    assert "must ask: nothing" == foot

    _, rows, foot = centre.screen("support: the call-back")
    assert ["R-5512", "stated to billing by phone"] == rows["refund"]
    assert ["--", "not yours"] == rows["card last4"]
    assert "must ask: nothing" == foot


def test_the_transfers_are_accepted_and_the_promise_is_kept(centre):
    """
    Billing says that it took the customer over, and support calls back the next day.
    """
    for line in (
        "before the transfer: billing asks nothing",
        "billing has taken the customer over",
        "Hello Alex Example, your refund R-5512 is on its way.",
        "support: kept",
    ):
        assert line in centre.text
    assert [("billing", "make"), ("support", "accept"), ("support", "keep")] == [
        (row["department"], row["action"]) for row in centre.events("PromiseChanged")
    ]


@pytest.mark.parametrize("kind", ["Rejected", "Skipped", "Unsent", "NotAccepted"])
def test_nothing_is_lost(centre, kind):
    """
    No event tells of a refusal, or of something that was left behind.
    """
    assert [] == centre.events(kind)


def test_headers_lead_there_first(headers):
    """
    With headers on their way, the reference in them is what is found.
    """
    rungs = [row.get("rung") for row in headers.events("LegResolved")]

    assert ["code", *["user_to_user"] * 4] == rungs


def test_without_headers_the_index_leads_there(stripped):
    """
    By who dials which line, the consultation's Call-ID, the Replaces, the call-back's
    Call-ID.
    """
    rungs = [row.get("rung") for row in stripped.events("LegResolved")]

    assert ["code", "line", "index", "index", "index"] == rungs


def test_no_log_holds_a_value(centre):
    """
    No value, number, code or reference, neither in a department's log nor the proxy's.
    """
    logs = centre.logs()
    code = re.search(r"type (\d{3} \d{3} \d{3})", centre.text)[1].replace(" ", "")

    assert {"chat.log", "events.log", "ivr.log", "kamailio.log", "support.log"} < {
        *logs
    }
    for name, text in logs.items():
        for value in (*VALUES, *PHONES, code):
            # Ids are hex: four digits of one are not the card's.
            there = re.search(rf"(?<![0-9a-f]){value}(?![0-9a-f])", text)
            assert not there, (name, value)
        assert not re.search(r"CX[A-Z2-7]{46}", text), name


def test_the_home_holds_no_value(centre):
    """
    What rests between the calls is sealed.
    """
    for path in centre.directory.glob("home.db*"):
        raw = path.read_bytes()
        assert not any(v.encode() in raw for v in VALUES if v != "4242")


def test_without_kamailio_it_says_so():
    """
    And ends with status 2, with nothing started.
    """
    done = run("--kamailio", "no-such-proxy")

    assert (2, "") == (done.returncode, done.stderr)
    assert "Kamailio is not installed" in done.stdout
