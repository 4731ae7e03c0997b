"""
What it means when a scope's readers, writers or rules change.

The vocabulary says who may read a scope; who can is whoever holds its keys
(protocol, section 3). So a reader's coming or going is not done with the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from cxcontext.core.findings import Finding, Findings, names
from cxcontext.core.vocabulary import Scope, Vocabulary


def compare_scopes(old: type[Vocabulary], new: type[Vocabulary]) -> Iterator[Finding]:
    """
    Yield the findings about scopes, by number.
    """
    before, after = old.scopes_by_number, new.scopes_by_number
    for number in sorted(before.keys() | after.keys()):
        scope = after.get(number) or before[number]
        findings = Findings(f"scope {number} {scope.name}")
        if number not in before:
            findings.note(
                "scope_added",
                f"is new, read by {names(scope.readers)}",
                "it has no keys until you run "
                f"`cxcontext keys rotate DIR --scope {number}`",
            )
        elif number not in after:
            findings.warning(
                "scope_removed",
                "is gone",
                "its sections travel on and nobody reads them; never give its "
                "number to another scope",
            )
        else:
            _compare(before[number], scope, findings)
        yield from findings.found


def _compare(old: Scope, new: Scope, findings: Findings) -> None:
    if old.name != new.name:
        findings.note(
            "scope_renamed",
            f"was {old.name}",
            "names do not travel; if it means something else now, take a new number",
        )
    _compare_readers(old, new, findings)
    _compare_writers(old, new, findings)
    if new.on_possession and not old.on_possession:
        findings.warning(
            "on_possession_opened",
            "on_possession is true now",
            "whoever carries a link or code of a journey gets its values recalled "
            "without being identified",
        )
    if old.on_possession and not new.on_possession:
        findings.warning(
            "on_possession_closed",
            "on_possession is false now",
            "whoever comes with a link or code is asked again until identified",
        )


def _compare_readers(old: Scope, new: Scope, findings: Findings) -> None:
    if gone := old.readers - new.readers:
        findings.warning(
            "reader_removed",
            f"{names(gone)} may not read it any more",
            f"removing a reader needs a new key generation: {names(gone)} can open "
            "what was sealed so far until its open_until, and what is sealed next "
            f"until you run `cxcontext keys rotate DIR --scope {new.number}`",
        )
    if come := new.readers - old.readers:
        findings.warning(
            "reader_added",
            f"{names(come)} may read it now",
            f"until {names(come)} holds its keys it is UNREADABLE there: give the "
            "generations it should read with "
            f"`cxcontext keys give DIR --scope {new.number} --to NAME`, or only what is "
            f"sealed from now on with `cxcontext keys rotate DIR --scope {new.number}`",
        )


def _compare_writers(old: Scope, new: Scope, findings: Findings) -> None:
    heard = new.writers | new.former_writers
    if gone := old.writers - heard:
        findings.breaking(
            "writer_removed",
            f"{names(gone)} may not write it any more",
            f"what {names(gone)} said in it is ignored from now on, also what was said "
            "before; list it in former_writers to keep that",
        )
    if former := old.writers & new.former_writers:
        findings.note(
            "writer_former",
            f"{names(former)} is a former writer now",
            f"former writers are still read; learn() raises for {names(former)}",
        )
    if gone := old.former_writers - heard:
        findings.breaking(
            "former_writer_removed",
            f"{names(gone)} is no former writer any more",
            f"what {names(gone)} said in it is ignored from now on; keep it in "
            "former_writers until the last statement has expired",
        )
    if come := new.writers - old.writers - old.former_writers:
        findings.warning(
            "writer_added",
            f"{names(come)} may write it now",
            "departments with the older file cannot use what "
            f"{names(come)} writes (NEWER_VOCABULARY); update the readers first",
        )
    if again := new.writers & old.former_writers:
        findings.note(
            "former_writer_again",
            f"{names(again)} may write it again",
            "former writers were read all along",
        )
    if come := new.former_writers - old.writers - old.former_writers:
        findings.warning(
            "former_writer_added",
            f"{names(come)} is a former writer now, and was no writer",
            f"what {names(come)} said in it counts from now on, where it was ignored",
        )
