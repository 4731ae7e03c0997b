"""
Any journey: in any vocabulary, through any departments, at any of them now.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.testing.strategies.vocabularies import DEPARTMENTS, Talk, talks
from cxcontext.testing.throw_away import ThrowAwayDomain

_CHANNELS = st.sampled_from(["chat", "phone", "web"])


@st.composite
def journeys(
    draw: st.DrawFn, told: st.SearchStrategy[Talk] | None = None
) -> cx.Journey[Any]:
    """
    Return a journey that passed through one to four departments.

    Each said on every visit what is its own to say. The trust domain is thrown away
    with it. Simplest of all is a journey that has just begun at sales, with one field
    of text.

    Args:
        told: The vocabularies, and what is said in them; `talks`, unless given.

    .. versionadded:: 0.1.0
    """
    talk = draw(talks() if told is None else told)
    domain = ThrowAwayDomain(talk.vocabulary(revision=1), departments=DEPARTMENTS)
    first, *others = draw(
        st.lists(st.sampled_from(DEPARTMENTS), min_size=1, max_size=4)
    )
    journey = domain.department(first).begin(channel=draw(_CHANNELS))
    _say(journey, talk)
    for name in others:
        journey = domain.department(name).receive(
            journey.hand_over(name), channel=draw(_CHANNELS)
        )
        _say(journey, talk)
    return journey


def contexts() -> st.SearchStrategy[cx.Context]:
    """
    Return what one department knows of such a journey.

    .. versionadded:: 0.1.0
    """
    return journeys().map(lambda journey: journey.context)


@st.composite
def envelopes(draw: st.DrawFn) -> cx.Envelope:
    """
    Return the envelope in which such a journey is handed over.

    .. versionadded:: 0.1.0
    """
    return draw(journeys()).hand_over(draw(st.sampled_from(DEPARTMENTS)))


def _say(journey: cx.Journey[Any], talk: Talk) -> None:
    for said in talk.said:
        if said.department == journey.department:
            for qualifier, value in said.values.items():
                journey.learn(said.field.key, value, qualifier=qualifier)
