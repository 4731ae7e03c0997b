"""
Any vocabulary, and something said in it.
"""

from __future__ import annotations

from typing import Any, NewType

import attrs
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.testing.strategies.typed import types

DEPARTMENTS = ("sales", "support", "billing")
SCOPES = (1, 2, 3, 4)

AnyVocabulary = NewType("AnyVocabulary", type)
"""
A vocabulary class, for ``st.from_type``: of ``type[cx.Vocabulary]`` it makes others.

.. versionadded:: 0.1.0
"""


@attrs.frozen(eq=False)
class Said:
    """
    A field of a vocabulary, and who says what of it.

    Attributes:
        values: By qualifier; None for the one without.

    .. versionadded:: 0.1.0
    """

    name: str
    # A `cx.Field`, which type checkers would take for a descriptor here, too.
    field: Any
    department: str
    values: dict[str | None, Any]


@attrs.frozen(eq=False)
class Talk:
    """
    A vocabulary, and what is said in it.

    .. versionadded:: 0.1.0
    """

    scopes: dict[str, cx.Scope]
    said: tuple[Said, ...]

    def vocabulary(
        self, *, revision: int, without: frozenset[str] = frozenset()
    ) -> type[cx.Vocabulary]:
        """
        Return the vocabulary, or one that lacks some of its fields and scopes.
        """
        scopes = {n: scope for n, scope in self.scopes.items() if n not in without}
        fields = {
            each.name: each.field
            for each in self.said
            if each.name not in without and each.field.scope in scopes.values()
        }
        return type("Made", (cx.Vocabulary,), scopes | fields, revision=revision)


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    """
    Return any vocabulary, and something said of each of its fields.

    Scopes have some of the departments sales, support and billing as readers, and
    some as writers; fields have any type.

    .. versionadded:: 0.1.0
    """
    some = st.sets(st.sampled_from(DEPARTMENTS), min_size=1)
    numbers = draw(st.lists(st.sampled_from(SCOPES), min_size=1, unique=True))
    scopes = {
        f"scope_{number}": cx.Scope(number, readers=draw(some), writers=draw(some))
        for number in numbers
    }
    count = draw(st.integers(1, 5))
    fields = draw(
        st.lists(st.integers(1, 65535), min_size=count, max_size=count, unique=True)
    )
    said = []
    for number in fields:
        scope = draw(st.sampled_from(sorted(scopes.values(), key=lambda s: s.number)))
        typed = draw(types)
        many = draw(st.booleans())
        qualifiers = st.none() | st.text("abc", min_size=1, max_size=3)
        values = draw(
            st.dictionaries(
                qualifiers if many else st.none(), typed.values, min_size=1, max_size=3
            )
        )
        said.append(
            Said(
                name=f"field_{number}",
                field=cx.Field(number, typed.form, scope=scope, many=many),
                department=draw(st.sampled_from(sorted(scope.writers))),
                values=values,
            )
        )
    return Talk(scopes=scopes, said=tuple(said))


def vocabularies() -> st.SearchStrategy[type[cx.Vocabulary]]:
    """
    Return any vocabulary; see `talks` for one with something to say in it.

    .. versionadded:: 0.1.0
    """
    return talks().map(lambda talk: talk.vocabulary(revision=1))


# Hypothesis takes a NewType; its own annotation does not say so.
st.register_type_strategy(AnyVocabulary, vocabularies())  # pyright: ignore[reportArgumentType]
