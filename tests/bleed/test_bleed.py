"""
A small share of `make bleed`, and that its witness sees what it looks for.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cxcontext as cx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bleed import NOBODY, desk  # noqa: E402
from bleed.__main__ import SERVERS  # noqa: E402
from bleed.shop import Shop, department, make_keys, name_of  # noqa: E402


@pytest.fixture(scope="module")
def sales(tmp_path_factory):
    """
    Who sends in the shop of the load test.
    """
    directory = tmp_path_factory.mktemp("keys")
    make_keys(directory)
    return department("sales", directory)


@pytest.fixture
def journey(sales):
    """
    The journey of customer 1.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Shop.name, name_of("1"))
    return journey


@pytest.mark.parametrize("server", SERVERS)
def test_nobody_sees_anothers_journey(server):
    """
    Interleaved requests of 20 customers each have their own, on the real server.
    """
    command = [sys.executable, "-m", "bleed", server]
    command += ["--requests", "300", "--customers", "20"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    line = done.stdout.splitlines()[0] if done.stdout else ""

    assert 0 == done.returncode, done.stdout + done.stderr
    assert re.search(r" 30\d requests .* 0 strangers  0 missed  0 wrong", line)


@pytest.mark.parametrize(
    ("number", "bound", "strangers", "missed"),
    [
        ("1", True, 0, 0),
        ("2", True, 1, 0),
        (NOBODY, True, 1, 0),
        (NOBODY, False, 0, 0),
        ("1", False, 0, 1),
    ],
)
def test_the_witness_tells_strangers_from_who_is_missed(
    number, bound, strangers, missed, journey
):
    """
    Another's journey is a stranger's, also where none is due; the own may lack.
    """
    witness = desk.Witness()
    with cx.bound(journey if bound else None):
        witness.own(number, "here")

    assert (1, strangers, missed) == (
        witness.checks,
        len(witness.strangers),
        len(witness.missed),
    )
