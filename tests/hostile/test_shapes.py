"""
The worst shapes, as large as they may be.
"""

from __future__ import annotations

import time

import pytest
from fuzz.guard import examine
from fuzz.shapes import colliding_keys
from fuzz.targets import TARGETS

# Tests run beside each other, and under coverage; `make fuzz` is strict.
SLACK = 20

WITH_SHAPES = ["decode", "plaintext", "key_sets"]


@pytest.mark.parametrize("name", WITH_SHAPES)
def test_the_worst_shapes_keep_within_their_bounds(name):
    """
    What is as large as it may be costs no more memory than it may, nor much more time.
    """
    target = TARGETS[name]()
    # Of key files, which come in three sorts, those that are public and not signed.
    shapes = [*target.shapes()][:: 3 if name == "key_sets" else 1]

    costs = [examine(target, shape, slack=SLACK) for shape in shapes]

    assert None not in costs
    assert len(costs) > 15


def test_the_keys_that_collide_do():
    """
    Python looks long for each of the keys that are made to collide.
    """
    collide = colliding_keys(count=2000, among=4000)
    others = [*range(4000), *(2**33 + 97 * number for number in range(2000))]

    assert seconds_to_build(collide) > 5 * seconds_to_build(others)


def seconds_to_build(keys):
    """
    Return what a dict of these keys costs.
    """
    least = 1.0
    for _ in range(3):
        began_s = time.thread_time()
        dict.fromkeys(keys)
        least = min(least, time.thread_time() - began_s)
    return least
