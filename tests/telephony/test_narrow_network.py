"""
What is too large for UDP is lost without a word, and `fits_udp` had said so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import installed

PROGRAM = Path(__file__).with_name("narrow_network.py")


def network_of_its_own() -> list[str]:
    """
    Return with what a program is run in a network of its own, or skip.
    """
    for way in (["--net"], ["--net", "--map-root-user"]):
        command = [installed("unshare"), *way]
        tried = subprocess.run(
            [*command, installed("nft"), "add", "table", "ip", "tried"],
            capture_output=True,
            check=False,
        )
        if tried.returncode == 0:
            return command
    pytest.skip("cannot be had here: a network namespace with rules of its own")


def test_an_oversized_invite_is_lost_and_that_was_said():
    """
    MTU 1,500, fragments dropped: on the way to the proxy, or behind it where it grew.

    Of each call: transport, whether it fits, status, whether it arrived, whether
    fragments were dropped.
    """
    installed("kamailio")
    command = network_of_its_own()
    done = subprocess.run(
        [*command, sys.executable, PROGRAM],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    calls = json.loads(done.stdout)

    assert [
        ("udp", True, 200, True, False),
        ("udp", True, 200, True, False),
        # It passed to the proxy, which waited for an answer in vain.
        ("udp", False, 408, False, True),
        # It did not even pass to the proxy.
        ("udp", False, None, False, True),
        ("tcp", False, 200, True, False),
    ] == [(how, *became) for how, _, *became in calls]
    assert [True, True, True] == [
        calls[1][1] <= 1174,
        1374 < calls[2][1] <= 1472,
        calls[3][1] > 1500,
    ]
