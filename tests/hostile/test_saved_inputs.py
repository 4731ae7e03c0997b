"""
What fuzzing kept: every input is refused or read, within its bounds.
"""

from __future__ import annotations

import random

import pytest
from fuzz.guard import examine
from fuzz.saved import load
from fuzz.targets import TARGETS

# Tests run beside each other, and under coverage; `make fuzz` is strict.
SLACK = 20


@pytest.fixture(scope="module", params=TARGETS)
def target(request):
    """
    Each target in turn, made once.
    """
    return TARGETS[request.param]()


def test_every_saved_input_keeps_within_its_bounds(target):
    """
    No saved input costs more time or memory than it may, or brings out another error;
    some of each target's are taken, and some refused.
    """
    costs = [examine(target, data, slack=SLACK) for data in load(target.name)]
    refused = {cost.refused is not None for cost in costs if cost is not None}

    assert len(costs) >= 100
    assert {True, False} == refused


def test_every_seed_can_be_changed_within_its_structure(target):
    """
    What is changed by structure is an input again, and costs no more than it may.
    """
    source = random.Random(1)
    changed = [target.mutate(seed, source=source) for seed in target.seeds()]
    changed = [data for data in changed if data is not None and len(data) < 4000]

    for data in changed[::10]:
        examine(target, data, slack=SLACK)
    assert len(changed) > 50
