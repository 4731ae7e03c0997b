"""
What fuzzing has found, once each.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fuzz.vectors import Forge, rings
from making.world import Acme, World

from cxcontext.core.key_json import MAX_ITEMS
from cxcontext.core.keys import KeySet
from cxcontext.core.section import (
    MAX_AGE_SECONDS,
    MarkKind,
    SectionContent,
    WireMark,
)
from cxcontext.errors import KeySetError


@pytest.fixture
def world():
    """
    The departments of the vectors.
    """
    return World(rings()["acme"], "hostile")


def test_a_promise_told_before_there_were_years_is_read(world):
    """
    A promise as old as an age can say was told in 1970, and is no error.
    """
    forge = Forge(rings()["acme"])
    promise = {-7: {0: [0], 2: MAX_AGE_SECONDS, 3: "sales/1"}}
    statement = forge.statement(by="sales", says={4: promise})

    journey = world["support"].receive(forge.envelope(statement))

    assert [datetime(1970, 1, 1, tzinfo=UTC)] == [p.told_at for p in journey.promises]
    assert {None, "sales/1"} >= {*journey.recall_all(Acme.promise)}


@pytest.mark.parametrize("item", ["[]", "{}", "0", '""', '"a":{}'])
def test_many_small_items_of_a_key_set_are_not_built(item):
    """
    Beyond 65,536 items a key set is refused before any of them is built.
    """
    inside = ",".join([item] * (MAX_ITEMS + 1))
    opening, closing = "{}" if ":" in item else "[]"

    with pytest.raises(KeySetError, match="more than 65536 items"):
        KeySet.from_json('{"a":' + opening + inside + closing + "}")


def test_as_many_items_as_there_may_be_are_looked_at():
    """
    With 65,536 items a key set is refused for what it lacks, and not for its size.
    """
    # The two brackets count, too.
    inside = ",".join(["0"] * (MAX_ITEMS - 1))

    with pytest.raises(KeySetError, match="domain is missing"):
        KeySet.from_json('{"a":[' + inside + "]}")


def test_a_section_finds_the_marks_of_one_qualifier():
    """
    Reading one of many qualifiers does not walk over the marks of the others.
    """
    marks = tuple(
        WireMark(field=36, kind=MarkKind.REFUSED, qualifier=f"{n % 7}", age_s=n)
        for n in range(21)
    )
    content = SectionContent(marks=marks)

    assert [3, 10, 17] == [mark.age_s for mark in content.find_marks(36, "3")]
    assert () == content.find_marks(36, None)
    assert () == content.find_marks(35, "3")
