"""
Bytes that come from outside: anything, and envelopes that somebody has been at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NewType, TypeAlias

import cbor2
from hypothesis import strategies as st

from cxcontext.testing.sample import SampleShop
from cxcontext.testing.throw_away import ThrowAwayDomain

HostileBytes = NewType("HostileBytes", bytes)
"""
What a stranger sends, for ``st.from_type``.

.. versionadded:: 0.1.0
"""

_Edit: TypeAlias = Callable[[bytes], bytes]


@cache
def _genuine() -> tuple[bytes, ...]:
    """
    Return envelopes to begin from: their lengths are always the same.
    """
    story = ThrowAwayDomain(SampleShop).story().began("sales", channel="chat")
    story.told(SampleShop.order_number, "A-118").handed_to("support")
    story.told(SampleShop.note, "in the evening").handed_to("billing")
    handed = story.journey.hand_over("sales")
    return bytes(handed), str(handed).encode("ascii"), story.journey.save()


def hostile_bytes() -> st.SearchStrategy[HostileBytes]:
    """
    Return what a stranger sends: noise, CBOR, and envelopes that were changed.

    A changed envelope has bits flipped, parts cut out, doubled, moved or overwritten,
    in either form. Shrinks to fewer and smaller changes, and to the empty string.
    None of it may do more than raise a `VerificationError`; that some of it is an
    envelope in which nothing was changed after all, is not excluded.

    .. versionadded:: 0.1.0
    """
    noise = st.binary(max_size=64)
    return st.one_of(noise, _items(), _changed()).map(HostileBytes)


def _items() -> st.SearchStrategy[bytes]:
    leaves = (
        st.none()
        | st.booleans()
        | st.integers(-(2**64), 2**64 - 1)
        | st.binary(max_size=32)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
        | st.floats(allow_nan=False)
    )
    labels = st.sampled_from([1, 3, 4, 6, 7, 15, -65537])
    values = st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=5) | st.dictionaries(labels, inner, max_size=5)
        ),
        max_leaves=24,
    )
    # As often as not, what stands where an envelope would.
    return (values | st.tuples(st.just(1), values, values).map(list)).map(cbor2.dumps)


@st.composite
def _changed(draw: st.DrawFn) -> bytes:
    data = _genuine()[draw(st.integers(0, 2))]
    for edit in draw(st.lists(_edits(), min_size=1, max_size=4)):
        data = edit(data)
    return data


@st.composite
def _edits(draw: st.DrawFn) -> _Edit:
    where = draw(st.integers(0, 2047))
    long = draw(st.integers(0, 64))
    kind = draw(st.sampled_from(["cut off", "cut out", "flip", "double", "overwrite"]))
    new = draw(st.binary(max_size=16)) if kind == "overwrite" else b""
    bit = draw(st.integers(0, 7)) if kind == "flip" else 0

    def edit(data: bytes) -> bytes:
        at = where % (len(data) + 1)
        if kind == "cut off":
            return data[:at]
        if kind == "cut out":
            return data[:at] + data[at + long :]
        if kind == "double":
            return data[: at + long] + data[at:]
        if kind == "overwrite":
            return data[:at] + new + data[at + len(new) :]
        byte = data[at : at + 1]
        return data[:at] + bytes(b ^ 1 << bit for b in byte) + data[at + 1 :]

    return edit


# Hypothesis takes a NewType; its own annotation does not say so.
st.register_type_strategy(HostileBytes, hostile_bytes())  # pyright: ignore[reportArgumentType]
