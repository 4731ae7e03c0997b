"""
The guard sees what it is there to see: each fault, planted, is a finding.
"""

from __future__ import annotations

import time

import pytest
from fuzz.guard import MAX_MEMORY_BYTES, Finding, Target, attempt, examine
from fuzz.targets.envelopes import ReceiveTarget

from cxcontext.core.signing import VerifyingKey
from cxcontext.errors import MalformedError, VerificationError


class Planted(Target):
    """
    A target that does what it is given.
    """

    name = "planted"
    share = 1
    refusals = (VerificationError,)
    floor_s = 0.001

    def __init__(self, fault):
        self._fault = fault

    def seeds(self):
        """
        Return nothing to begin with.
        """
        return ()

    def run(self, prepared):
        """
        Do it.
        """
        return self._fault(prepared)


def refuse(_data):
    """
    Refuse, as one should.
    """
    raise MalformedError("nothing")


def let_a_value_error_out(_data):
    """
    Raise what no caller expects.
    """
    raise ValueError


def recurse(data, depth=0):
    """
    Go one frame deeper for each byte.
    """
    return depth if depth == len(data) else recurse(data, depth + 1)


def dawdle(_data):
    """
    Take a hundred times as long as there is.
    """
    until_s = time.thread_time() + 0.1
    while time.thread_time() < until_s:
        pass


def build(_data):
    """
    Build much of little.
    """
    return bytearray(MAX_MEMORY_BYTES + 1)


def attempt_all(target, inputs):
    """
    Try one after the other.
    """
    for data in inputs:
        attempt(target, data)


def test_a_refusal_is_no_finding():
    """
    A `VerificationError` is how an input ends well, and the guard says which it was.
    """
    assert "MalformedError" == examine(Planted(refuse), b"input").refused


def test_another_error_is_a_finding():
    """
    An error that no caller expects is found, and named.
    """
    with pytest.raises(Finding, match="planted: ValueError escaped"):
        attempt(Planted(let_a_value_error_out), b"input")


def test_an_error_after_all_was_taken_is_a_finding():
    """
    An error in what is done afterwards is found, too.
    """
    target = Planted(len)
    target.use = let_a_value_error_out

    with pytest.raises(Finding, match="planted: ValueError escaped"):
        attempt(target, b"input")


def test_recursion_into_the_input_is_a_finding():
    """
    What goes a frame deeper for each byte is found, long before Python's own limit.
    """
    assert attempt(Planted(recurse), bytes(20)) is not None
    with pytest.raises(Finding, match="more than 70 frames deep"):
        attempt(Planted(recurse), bytes(100))


def test_what_is_deep_only_once_is_no_finding():
    """
    What is made when it is first needed, deeply, is not held against the input.
    """
    seen = []

    def first_time(data):
        if not seen:
            recurse(bytes(100))
            seen.append(data)

    assert attempt(Planted(first_time), b"input") is not None


def test_taking_too_long_is_a_finding():
    """
    What takes too long three times is found.
    """
    with pytest.raises(Finding, match="planted: 5 bytes took"):
        examine(Planted(dawdle), b"input")


def test_too_much_memory_is_a_finding():
    """
    What builds too much is found.
    """
    with pytest.raises(Finding, match="bytes at most"):
        examine(Planted(build), b"input")


def test_a_forgery_that_is_opened_is_a_finding(monkeypatch):
    """
    If signatures were not verified, the envelopes of the vectors that are forged tell.
    """
    target = ReceiveTarget()
    monkeypatch.setattr(VerifyingKey, "verify", lambda _key, _signature, _data: None)

    with pytest.raises(Finding, match="was believed that its signer did not sign so"):
        attempt_all(target, target.seeds())


def test_what_is_no_input_is_passed_over():
    """
    Bytes of which the target can make nothing cost nothing.
    """
    target = Planted(refuse)
    target.prepare = lambda _data: None

    assert examine(target, b"input") is None
