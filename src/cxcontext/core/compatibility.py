"""
Two vocabularies compared: what a change means for what was and will be said.

As ``buf breaking`` does for protobuf, in both directions: what was written under
the older file and is read under the newer one, and the reverse, while not
every department has the newer one yet.
"""

from __future__ import annotations

from typing import Final

from cxcontext.core.compatible_fields import compare_fields
from cxcontext.core.compatible_scopes import compare_scopes
from cxcontext.core.findings import Finding, Findings, Level
from cxcontext.core.vocabulary import Vocabulary

__all__ = ["Finding", "Level", "compare"]

# What only the reader's own file decides needs no newer revision.
_LOCAL: Final = frozenset(
    (
        *("scope_renamed", "on_possession_opened", "on_possession_closed"),
        *("reader_added", "reader_removed", "type_respelled", "max_age_shortened"),
        *("max_age_lengthened", "purposes_changed", "consent_for_changed"),
        *("format_changed", "format_dropped", "category_changed"),
    )
)


def compare(old: type[Vocabulary], new: type[Vocabulary]) -> tuple[Finding, ...]:
    """
    Return what changed from *old* to *new* and what it means; nothing if nothing.

    Labels and questions are not compared: they do not change what is known.

    Args:
        old: The vocabulary that departments have.
        new: The one that they are to have.

    Raises:
        VocabularyError: When a type of either cannot be described in a file.

    .. versionadded:: 0.1.0
    """
    found = [*compare_scopes(old, new), *compare_fields(old, new)]
    whole = Findings("vocabulary")
    if new.revision < old.revision:
        whole.breaking(
            "revision_lowered",
            f"revision was {old.revision}, is {new.revision}",
            "readers tell newer from wrong by it; only ever raise it",
        )
    elif new.revision == old.revision and any(f.code not in _LOCAL for f in found):
        whole.breaking(
            "revision_not_raised",
            f"revision is still {new.revision}",
            "departments with the older file take what is new for a mistake and ignore "
            f"it, instead of saying NEWER_VOCABULARY; write revision={new.revision + 1}",
        )
    return (*whole.found, *found)
