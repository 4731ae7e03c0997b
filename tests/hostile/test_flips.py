"""
Flipped bits: all of the smallest vectors, and a share of all others.

`make flips` flips every bit of every valid vector.
"""

from __future__ import annotations

import pytest
from fuzz.flips import flip, smallest_of_each_kind
from fuzz.guard import Finding
from fuzz.vectors import Setting, decode_forms, vectors

# Primes, so that in time each bit of a byte has its turn.
EVERY_OF_SMALL = 5
EVERY = 509

# The hybrid key's 1,120 bytes take longer than all others together.
SMALL = [v for v in smallest_of_each_kind() if len(v["envelope"]["hex"]) < 4000]


@pytest.mark.parametrize("vector", SMALL, ids=lambda vector: vector["name"])
def test_a_small_envelope_with_a_bit_flipped_is_refused(vector):
    """
    Of the smallest envelope of each kind, every fifth bit flipped has it refused.
    """
    assert flip(vector, every=EVERY_OF_SMALL).total() > 900


def test_the_smallest_envelope_with_any_bit_flipped_is_refused():
    """
    Whichever bit of the smallest envelope of all is flipped, it is refused.
    """
    smallest = min(vectors("valid"), key=lambda vector: len(vector["envelope"]["hex"]))
    bits = 8 * sum(map(len, decode_forms(smallest)))

    assert bits == flip(smallest).total()


@pytest.mark.parametrize("vector", vectors("valid"), ids=lambda vector: vector["name"])
def test_an_envelope_with_a_bit_flipped_is_refused(vector):
    """
    Of every valid envelope, every 509th bit flipped has it refused.
    """
    assert flip(vector, every=EVERY, first=7) is not None


def test_a_flip_that_is_not_refused_is_found(monkeypatch):
    """
    If a changed envelope were opened, the flips would tell.
    """
    vector = vectors("valid")[0]
    monkeypatch.setattr(Setting, "open", lambda _setting, _raw: None)

    with pytest.raises(Finding, match="opened with bit 0 of"):
        flip(vector)
