"""
The demo's processes and files, one by one.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import threading
from contextlib import closing

import httpx
import pytest

import cxcontext as cx
from cxcontext.demo import ceremony, play, process, report
from cxcontext.demo.carrier import Carrier, tampered
from cxcontext.demo.process import Shop, StoryEndedError
from cxcontext.demo.vocabulary import DEPARTMENTS


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """
    Return a folder in which the key ceremony was held.
    """
    folder = tmp_path_factory.mktemp("shop")
    process.hold_ceremony(folder)
    return folder


@pytest.fixture(name="shop")
def _shop(folder):
    """
    Return a shop in which nobody is at work yet.
    """
    with Shop(folder) as shop:
        yield shop


def test_each_department_gets_its_own_keys_only(folder):
    """
    Its folder is for nobody else, and holds the private keys of no other.
    """
    for name in DEPARTMENTS:
        keys = cx.PrivateKeys.load(folder / name / ceremony.PRIVATE_KEYS)

        assert name == keys.department
        assert 0o700 == stat.S_IMODE((folder / name).stat().st_mode)
        for path in (folder / name).iterdir():
            assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_the_public_file_holds_nothing_private(folder):
    """
    What all departments read has no private key in it.
    """
    text = (folder / ceremony.PUBLIC_KEYS).read_text("utf-8")

    assert cx.KeySet.from_json(text).departments.keys() == {*DEPARTMENTS}
    assert '"d"' not in text


def test_a_ceremony_that_fails_says_why(tmp_path):
    """
    The last line of what went wrong is told.
    """
    with pytest.raises(StoryEndedError, match="FileNotFoundError"):
        process.hold_ceremony(tmp_path / "nowhere")


def test_a_department_that_does_not_start_says_why(tmp_path):
    """
    Without keys there is no department, and the message names what is missing.
    """
    with (
        Shop(tmp_path) as shop,
        pytest.raises(StoryEndedError, match=r"bot did not start.*acme\.keys\.json"),
    ):
        shop.open("bot")


def test_a_department_that_refuses_a_path_says_so(shop):
    """
    Another status than expected ends the story.
    """
    shop.open("bot")

    with pytest.raises(StoryEndedError, match="bot answers /nowhere with 404"):
        shop["bot"].call("/nowhere?session=secret", {})


def test_a_department_that_hangs_is_ended_all_the_same(shop, monkeypatch):
    """
    One that neither notices the end of its input nor a signal is killed.
    """
    monkeypatch.setattr(process, "STOP_TIMEOUT_S", 0.2)
    shop.open("bot")
    worker = shop["bot"]
    os.kill(worker._process.pid, signal.SIGSTOP)

    shop.close_for_the_night()

    assert -signal.SIGKILL == worker._process.returncode


def test_a_department_that_has_gone_does_not_answer(shop):
    """
    A call to a port where nobody listens ends the story, without a traceback.
    """
    shop.open("bot")
    worker = shop["bot"]
    shop.close_for_the_night()

    with pytest.raises(StoryEndedError, match="bot does not answer /chat"):
        worker.call("/chat", {})


def test_a_caller_whom_nobody_knows_is_asked_for_everything(shop):
    """
    A number that leads to no journey begins one, in which nothing was ever said.
    """
    shop.open("phone")

    seen = shop["phone"].call("/calls", {"from": "+1 202 555 0100"})

    assert {"never_stated"} == {*seen["gaps"].values()}


def test_a_session_whose_journey_is_gone_says_lost(shop, folder):
    """
    What a home no longer has is not taken for what was never said.
    """
    shop.open("phone")
    session = shop["phone"].call("/calls", {"from": "+1 202 555 0101"})["session"]
    with closing(sqlite3.connect(folder / ceremony.HOME)) as home, home:
        home.execute("DELETE FROM record")

    seen = shop["phone"].call(f"/calls/code?session={session}", {"code": "none"})

    assert {"lost"} == {*seen["gaps"].values()}


def test_tampering_changes_one_bit_and_nothing_else():
    """
    The text form stays one, and differs in one byte.
    """
    value = "cx1." + "A" * 64

    changed = tampered(value)

    assert len(value) == len(changed)
    assert 1 == sum(a != b for a, b in zip(value, changed, strict=True))


def test_a_carrier_passes_on_what_is_not_an_envelope(shop):
    """
    A request without an envelope goes through as it is, and so does a refusal.
    """
    shop.open("billing")
    road = shop.roads["billing"]
    refused = httpx.post(road.origin + "/internal/refunds", json={}, trust_env=False)

    assert 400 == refused.status_code
    assert "absent" == refused.json()["code"]
    assert () == road.passages[0].sizes_bytes


def test_a_carrier_closes_its_port():
    """
    Afterwards nobody listens there.
    """
    carrier = Carrier()
    origin = carrier.origin
    carrier.close()

    with pytest.raises(httpx.ConnectError):
        httpx.post(origin, trust_env=False)


def test_in_a_thread_the_signals_are_left_alone():
    """
    Only the main thread may say what SIGTERM does.
    """
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work():
        with play._clearing_up_when_terminated():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert [before] == seen
    assert before == signal.getsignal(signal.SIGTERM)


def test_a_result_can_be_read_by_a_machine_without_a_story():
    """
    A story that ended before it began is a document, too.
    """
    result = play.Result(steps=(), balance=(), ended="no keys", seconds=0.1)
    document = json.loads(report.as_json(result))

    assert not document["held"]
    assert "no keys" == document["ended"]
