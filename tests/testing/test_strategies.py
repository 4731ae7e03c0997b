"""
What the strategies make is what it says it is, and becomes simple when it fails.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import cxcontext as cx
import cxcontext_hypothesis
from cxcontext.errors import VerificationError
from cxcontext.testing import SampleShop, ThrowAwayDomain
from cxcontext.testing.strategies import (
    AnyVocabulary,
    HostileBytes,
    envelopes,
    hostile_bytes,
    journeys,
    vocabularies,
)

# Where the entry point is installed, it is registered already; once more does no harm.
cxcontext_hypothesis.register()

FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
# Simpler ones take as long to look for as they are good for.
UNSHRUNK = settings(FEW, phases=[Phase.generate])
SHOP = ThrowAwayDomain(SampleShop)


@FEW
@given(journeys())
def test_a_journey_recalls_or_says_why_not(journey):
    """
    At any point of any story every field is known, or has a gap with a reason.
    """
    for field in journey.context.reader.vocabulary.fields.values():
        if not field.many:
            gap = journey.gap(field.key)
            assert gap is None or isinstance(gap.reason, cx.Reason)


@FEW
@given(envelopes())
def test_an_envelope_is_one(envelope):
    """
    What is handed over is read back from its text as the same envelope.
    """
    assert envelope == cx.Envelope.parse(str(envelope))


@FEW
@given(vocabularies())
def test_a_vocabulary_can_be_exported(vocabulary):
    """
    Every vocabulary has scopes and fields, and a description of itself.
    """
    assert vocabulary.fields
    assert cx.vocabulary_to_json(vocabulary)


@given(hostile_bytes())
def test_hostile_bytes_do_no_more_than_raise(raw):
    """
    Whatever comes, it is refused by one kind of error or it is an envelope.
    """
    for door in (SHOP.department("billing").receive, cx.Envelope.parse):
        with suppress(VerificationError):
            door(raw)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (cx.Journey, cx.Journey),
        (cx.Context, cx.Context),
        (cx.Envelope, cx.Envelope),
        (HostileBytes, bytes),
        (AnyVocabulary, type),
    ],
)
def test_types_are_known_to_hypothesis(kind, expected):
    """
    ``from_type`` makes each of them.
    """
    found = find(st.from_type(kind), lambda _: True, settings=UNSHRUNK)

    assert isinstance(found, expected)


def test_installing_it_is_enough(tmp_path):
    """
    With the entry point on the path, importing Hypothesis is all it takes.
    """
    metadata = tmp_path / "cxcontext_here-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cxcontext-here\n")
    (metadata / "entry_points.txt").write_text(
        "[hypothesis]\nhere = cxcontext_hypothesis:register\n"
    )
    program = (
        "import cxcontext as cx\n"
        "from hypothesis import find, strategies as st\n"
        "find(st.from_type(cx.Context), lambda _: True)\n"
    )
    path = f"{tmp_path}:{Path(cxcontext_hypothesis.__file__).parent}"

    subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": path}, check=True
    )


def test_hostile_bytes_shrink():
    """
    The simplest hostile bytes are none, and the simplest that parse are few.
    """
    assert b"" == find(hostile_bytes(), lambda _: True)
    assert 2 >= len(find(hostile_bytes(), lambda raw: len(raw) > 1))
