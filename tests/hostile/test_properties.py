"""
Hypothesis at the doors that the fuzzer watches, and with its eyes.
"""

from __future__ import annotations

import pytest
from fuzz.guard import attempt
from fuzz.targets import TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# A target is made once and remembers nothing that an input could change.
KEEPS_TARGET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=TARGETS)
def target(request):
    """
    Each target in turn, with the seeds that are short enough to change.
    """
    made = TARGETS[request.param]()
    made.short_seeds = [seed for seed in made.seeds() if len(seed) <= 2000]
    return made


@given(data=st.data())
@KEEPS_TARGET
def test_what_is_changed_within_is_refused_or_read(target, data):
    """
    However often a genuine input is changed by structure, no other error comes out.
    """
    source = data.draw(st.randoms(use_true_random=False))
    changed = data.draw(st.sampled_from(target.short_seeds))
    for _ in range(data.draw(st.integers(1, 4))):
        changed = target.mutate(changed, source=source) or changed

    attempt(target, changed)


@given(prefix=st.integers(0, 6), data=st.binary(max_size=300))
@KEEPS_TARGET
def test_any_bytes_are_refused_or_read(target, prefix, data):
    """
    Whatever bytes come, no other error comes out.
    """
    attempt(target, bytes([prefix]) + data)
    attempt(target, data)


@given(data=st.data())
@KEEPS_TARGET
def test_two_inputs_in_one_are_refused_or_read(target, data):
    """
    The beginning of one genuine input and the end of another bring no other error.
    """
    first, second = (data.draw(st.sampled_from(target.short_seeds)) for _ in range(2))
    at = data.draw(st.integers(0, len(first)))
    behind = data.draw(st.integers(0, len(second)))

    attempt(target, first[:at] + second[behind:])
