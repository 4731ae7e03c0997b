"""
What it means when a field's number, type, rules or authority changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TypeAlias

from cxcontext.core.compatible_types import Described, Kind, Mismatch, mismatches
from cxcontext.core.findings import Finding, Findings, names
from cxcontext.core.vocabulary import FieldDefinition, Vocabulary

Definition: TypeAlias = FieldDefinition[Any]

_BEHIND = "departments with the older file cannot read it (NEWER_VOCABULARY)"
_LOST = "what was said so before is unreadable now, and the customer is asked again"


def compare_fields(old: type[Vocabulary], new: type[Vocabulary]) -> Iterator[Finding]:
    """
    Yield the findings about fields and retired numbers, by number.

    Raises:
        VocabularyError: When a type cannot be described in a file.
    """
    before, after = old.fields_by_number, new.fields_by_number
    for number in sorted(before.keys() | after.keys() | old.retired):
        field = after.get(number) or before.get(number)
        findings = Findings(f"field {number} {field.name if field else '(retired)'}")
        if field is None:
            if number not in new.retired:
                findings.breaking(
                    "number_unretired",
                    "is not in retired any more",
                    "nothing stops it from being given to another meaning; keep it there",
                )
        elif number not in before:
            _added(field, findings, retired=number in old.retired)
        elif number not in after:
            _dropped(field, findings, retired=number in new.retired)
        else:
            _compare(before[number], field, findings)
        yield from findings.found


def _added(field: Definition, findings: Findings, *, retired: bool) -> None:
    if retired:
        findings.breaking(
            "retired_number_used",
            f"is used again, for {field.name}",
            "what was said of the retired field is recalled as this one; take a number "
            "that was never used",
        )
    else:
        findings.note(
            "field_added",
            "is new",
            "departments with the older file carry it on without reading it",
        )


def _dropped(field: Definition, findings: Findings, *, retired: bool) -> None:
    if retired or field.number < 0:
        findings.note(
            "field_removed",
            "is gone",
            "what was said of it is carried on, and nobody reads it any more",
        )
    else:
        findings.breaking(
            "number_dropped",
            "is gone, and its number is not retired",
            "nothing stops it from being given to another meaning; add "
            f"{field.number} to retired",
        )


def _compare(old: Definition, new: Definition, findings: Findings) -> None:
    if old.name != new.name:
        findings.breaking(
            "number_reused",
            f"was {old.name}",
            f"what was said of {old.name} is recalled as {new.name}; that is right only "
            "if it was renamed and means the same, else take a new number and retire "
            "this one",
        )
    if old.scope.number != new.scope.number:
        findings.breaking(
            "field_moved",
            f"was in scope {old.scope.number} {old.scope.name}, is in "
            f"{new.scope.number} {new.scope.name}",
            "what was said of it before is not found any more; take a new number",
        )
    if new.number > 0:
        _compare_types(old, new, findings)
    _compare_carriage(old, new, findings)
    _compare_authority(old, new, findings)
    _compare_rules(old, new, findings)


# --- types -------------------------------------------------------------------


def _compare_types(old: Definition, new: Definition, findings: Findings) -> None:
    before = Described.of(old.codec.type_form)
    after = Described.of(new.codec.type_form)
    if before.is_written_as(after):
        return
    behind = mismatches(before, after)
    ahead = mismatches(after, before)
    changed = {m.place for m in behind if m.kind is Kind.UNREADABLE}
    both = {m.place for m in ahead if m.kind is Kind.UNREADABLE} & changed
    for mismatch in behind:
        _what_was_written(mismatch, findings, both=mismatch.place in both)
    for mismatch in ahead:
        if not (mismatch.kind is Kind.UNREADABLE and mismatch.place in both):
            _what_is_written(mismatch, findings)
    if not behind and not ahead:
        findings.note(
            "type_respelled",
            f"its type is written differently: {before}, {after}",
            "its values are the same on the wire; only code that names the type sees it",
        )


def _what_was_written(mismatch: Mismatch, findings: Findings, *, both: bool) -> None:
    """
    Say what a mismatch means for what was said under the older file.
    """
    place = mismatch.place
    where = f"{place}: " if place else ""
    match mismatch.kind:
        case Kind.UNREADABLE if both:
            findings.breaking(
                "type_changed",
                f"{where}was {mismatch.written}, is {mismatch.read}",
                f"{_LOST}; nor can departments with the older file read what is said "
                "now; take a new number and retire this one",
            )
        case Kind.UNREADABLE:
            findings.breaking(
                "type_narrowed",
                f"{where}was also {mismatch.written}, is only {mismatch.read}",
                f"{_LOST}; take a new number and retire this one",
            )
        case Kind.VALUE:
            findings.breaking(
                "value_removed",
                f"{where}{mismatch.written} is no value any more",
                f"{_LOST}; keep it, and do not say it any more",
            )
        case Kind.ABSENT:
            findings.breaking(
                "attribute_required",
                f"attribute {place} is required now",
                f"what was said without it is unreadable now; give {place} a default",
            )
        case Kind.DEFAULT:
            findings.breaking(
                "attribute_default_changed",
                f"attribute {place} has another default",
                "defaults are not sent: what was said before means something else now; "
                "keep the default",
            )
        case Kind.IGNORED:
            findings.warning(
                "attribute_removed",
                f"attribute {place} is gone",
                "what was said in it is not read any more; a renamed attribute is "
                "one removed and one added",
            )
        case Kind.MOVED:
            findings.breaking(
                "attribute_moved",
                f"{mismatch.read} stands where {place} stood",
                f"by position, what was said of {mismatch.written} is read as "
                f"{mismatch.read} now; only append attributes, with a default",
            )
        case _:  # untagged
            findings.breaking(
                "record_untagged",
                f"{where}{mismatch.written} is one of several records now",
                f"what was said before does not say that it is {mismatch.written}, and "
                "is unreadable now; take a new number and retire this one",
            )


def _what_is_written(mismatch: Mismatch, findings: Findings) -> None:
    """
    Say what a mismatch means for departments that have the older file.
    """
    place = mismatch.place
    where = f"{place}: " if place else ""
    match mismatch.kind:
        case Kind.UNREADABLE:
            findings.warning(
                "type_widened",
                f"{where}may be {mismatch.written} now, was only {mismatch.read}",
                f"{_BEHIND}; update the readers first",
            )
        case Kind.VALUE:
            findings.warning(
                "value_added",
                f"{where}{mismatch.written} is new",
                f"{_BEHIND}; update the readers first",
            )
        case Kind.ABSENT:
            findings.warning(
                "attribute_optional",
                f"attribute {place} may be missing now",
                f"without it {_BEHIND}; update the readers first",
            )
        case Kind.IGNORED:
            findings.note(
                "attribute_added",
                f"attribute {place} is new",
                "departments with the older file do not see it",
            )
        case Kind.UNTAGGED:
            findings.warning(
                "record_tag_dropped",
                f"{where}{mismatch.written} is the only record now",
                f"it does not say its name any more: {_BEHIND}",
            )
        case _:  # a default, or by position: said already of what was written
            pass


# --- rules -------------------------------------------------------------------


def _compare_carriage(old: Definition, new: Definition, findings: Findings) -> None:
    if old.many and not new.many:
        findings.breaking(
            "many_dropped",
            "has one value now, and had many",
            "what was said with a qualifier is not found any more; take a new number",
        )
    if new.many and not old.many:
        findings.warning(
            "many_added",
            "has many values now, and had one",
            "departments with the older file see only the one without a qualifier",
        )
    if old.clear != new.clear:
        clear = "travels unencrypted" if new.clear else "is sealed"
        findings.breaking(
            "clear_changed",
            f"{clear} now",
            "a clear field is only ever clear: what was said before is not found any "
            "more; take a new number and retire this one",
        )


def _compare_authority(old: Definition, new: Definition, findings: Findings) -> None:
    heard = new.verifiers | new.former_verifiers
    if come := heard - old.verifiers - old.former_verifiers:
        findings.warning(
            "verifier_added",
            f"{names(come)} may verify it now",
            f"departments with the older file read what {names(come)} verified as only "
            "stated; update the readers first",
        )
    if gone := (old.verifiers | old.former_verifiers) - heard:
        findings.warning(
            "verifier_removed",
            f"{names(gone)} may not verify it any more",
            f"what {names(gone)} verified counts as only stated, also what was verified "
            "before; list it in former_verifiers to keep that",
        )
    if former := old.verifiers & new.former_verifiers:
        findings.note(
            "verifier_former",
            f"{names(former)} is a former verifier now",
            f"what {names(former)} verified still counts; learn() as VERIFIED raises",
        )
    if come := new.authority - old.authority:
        findings.warning(
            "authority_added",
            f"{names(come)} has authority over it now",
            f"the word of {names(come)} supersedes any other's; departments with the "
            "older file see a conflict there",
        )
    if gone := old.authority - new.authority:
        findings.warning(
            "authority_removed",
            f"{names(gone)} has no authority over it any more",
            f"where {names(gone)} overruled what others knew more surely there is a "
            "conflict now",
        )


def _compare_rules(old: Definition, new: Definition, findings: Findings) -> None:
    if old.max_age != new.max_age:
        before, after = old.max_age or timedelta.max, new.max_age or timedelta.max
        what = f"max_age was {_span(old.max_age)}, is {_span(new.max_age)}"
        if after < before:
            means = f"what is older than {_span(new.max_age)} is stale and asked again"
            findings.warning("max_age_shortened", what, means)
        else:
            findings.note(
                "max_age_lengthened", what, "what was stale is recalled again"
            )
    if old.purposes != new.purposes:
        findings.warning(
            "purposes_changed",
            f"may be read for {names(new.purposes) if new.purposes else 'any purpose'}",
            "for other purposes it is WRONG_PURPOSE; check what each department reads "
            "it for, and the customer was told",
        )
    if old.consent_for != new.consent_for:
        findings.warning(
            "consent_for_changed",
            f"needs consent for {names(new.consent_for)}"
            if new.consent_for
            else "needs no consent any more",
            "without consent it is NO_CONSENT there; check what the customer agreed to",
        )
    if old.format != new.format and new.format is not None:
        findings.warning(
            "format_changed",
            f"its format is {new.format}",
            "learn() refuses other text from now on; what was said before stays",
        )
    if old.format is not None and new.format is None:
        findings.note(
            "format_dropped",
            f"its format is not {old.format} any more",
            "texts that are written differently are different values now",
        )
    if old.inferred_only != new.inferred_only:
        findings.warning(
            "inferred_only_changed",
            "is only ever inferred now"
            if new.inferred_only
            else "may be more than inferred now",
            "departments with the other file hold the same fact for surer or less sure",
        )
    if old.category != new.category:
        findings.note(
            "category_changed",
            f"its category is {new.category or 'none'}",
            "tell whoever keeps the record of processing",
        )


def _span(span: timedelta | None) -> str:
    return "unlimited" if span is None else f"{span.total_seconds():.0f} s"
