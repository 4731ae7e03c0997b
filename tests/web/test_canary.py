"""
A canary: nothing that a customer said is in any log, report, trace, metric or answer.

`canary.py` runs a shop in which everything talks, in a process of its own: Sentry and
OpenTelemetry change what they observe for good. The sentinels are what was said; an
envelope is looked for as well, which is unreadable, but a customer's pseudonym and good
for 300 seconds.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from cxcontext.testing import shop
from cxcontext.testing.shop import Process
from cxcontext.web.http import FIELD

HERE = Path(__file__).parent
PATIENCE_S = 240.0
FRAMEWORKS = ("starlette", "flask", "django")
SAID = ("Zebedee", "7351902468135", "73519024681.35", "4111111111111111")
ENVELOPE = re.compile(r"cx1\.[A-Za-z0-9_-]{8,}")


@attrs.frozen
class Told:
    """
    What one run has told.
    """

    before: dict[str, list[str]]
    after: dict[str, list[str]]
    values: list[str]

    def shows_envelope(self, text):
        """
        Return whether an envelope stands in a text, or a piece of one.
        """
        pieces = {
            value[start : start + 24]
            for value in self.values
            for start in range(4, len(value) - 24, 8)
        }
        return bool(ENVELOPE.search(text)) or any(piece in text for piece in pieces)


@contextmanager
def canary(*arguments):
    """
    Run the program, and give what it has told.
    """
    done = subprocess.run(
        [sys.executable, HERE / "canary.py", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    told = json.loads(done.stdout)
    told["after"]["stderr"] = [done.stderr]
    yield Told(told["before"], told["after"], told["values"])


@pytest.fixture(scope="module", params=FRAMEWORKS)
def told(request):
    """
    What a framework and all around it have told.
    """
    with canary(request.param) as told:
        yield told


def test_the_canary_sings(told):
    """
    What is looked through is not empty, and journeys did go both ways.
    """
    text = {kind: "".join(lines) for kind, lines in told.after.items()}

    assert {"stderr"} >= {kind for kind, found in text.items() if not found}
    assert len([v for v in told.values if ENVELOPE.match(v)]) >= 12
    assert text["answers"].count("served") >= 2
    assert "cxcontext.sent" in text["spans"]
    for kind in ("metrics", "logs"):
        assert re.search(r"\breceived\b", text[kind])
        assert re.search(r"\brejected\b", text[kind])
    assert "RuntimeError" in text["tracebacks"]
    assert "RuntimeError" in text["sentry"]
    # An error of a verb is reported with its frames, without what they held.
    assert "ForbiddenDataError" in text["sentry"]


def test_what_a_customer_said_is_nowhere(told):
    """
    No sentinel, with or without the page's recipes.
    """
    for kind, lines in [*told.before.items(), *told.after.items()]:
        for line in lines:
            assert (kind, []) == (kind, [said for said in SAID if said in line])


def test_with_the_recipes_no_envelope_is_anywhere(told):
    """
    Nor in what is logged at DEBUG, captured, reported with locals, or answered.
    """
    for kind, lines in told.after.items():
        shown = [line[:200] for line in lines if told.shows_envelope(line)]
        assert (kind, []) == (kind, shown)


@pytest.mark.parametrize("kind", ["logs", "tracebacks", "sentry"])
def test_without_the_recipes_envelopes_are_shown(told, kind):
    """
    The page does not warn of what never happens.
    """
    assert any(told.shows_envelope(line) for line in told.before[kind])


def test_captured_headers_and_debug_pages_show_envelopes():
    """
    OpenTelemetry that captures all headers, and Django's debug page, show what came,
    unless they are told not to.
    """
    with canary("django", "bare") as told:
        shown = {
            kind
            for kind, lines in told.after.items()
            if any(told.shows_envelope(line) for line in lines)
        }

    assert {"answers", "spans"} == shown


def test_gunicorn_logs_no_envelope(tmp_path):
    """
    Its access log and its own, at DEBUG, have the request's line and no header.
    """
    ring = shop._ring()
    (tmp_path / "public.json").write_text(ring.public.to_json())
    (tmp_path / "billing.json").write_text(ring.private["billing"].to_json())
    (tmp_path / "billing.json").chmod(0o600)
    value = str(Process().begin().hand_over("billing"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "gunicorn", "gunicorn_app:app"]
        command += ["--bind", f"fd://{listener.fileno()}", "--no-control-socket"]
        command += ["--access-logfile", "-", "--log-level", "debug"]
        process = subprocess.Popen(
            command,
            cwd=HERE,
            env=os.environ | {"SHOP_KEYS": str(tmp_path)},
            pass_fds=[listener.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            where = listener.getsockname()
            statuses = [
                status_of(where, path, sent)
                for path in ("/answer", "/nowhere")
                for sent in (value, value + "x", value * 20)
            ]
        finally:
            process.terminate()
            logged, _ = process.communicate(timeout=PATIENCE_S)

    assert [200, 200, 431, 404, 404, 431] == statuses
    assert "GET /answer" in logged
    assert "GET /nowhere" in logged
    assert [] == ENVELOPE.findall(logged)
    assert value[40:64] not in logged


def status_of(where, path, value):
    """
    Ask with a value, and return the status of the answer.
    """
    connection = http.client.HTTPConnection(*where, timeout=PATIENCE_S)
    connection.request("GET", path, headers={FIELD: value})
    status = connection.getresponse().status
    connection.close()
    return status
