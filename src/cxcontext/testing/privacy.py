"""
Nobody reads what is not theirs: a department's keys tried on everything.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cryptography.exceptions import InvalidTag

import cxcontext as cx
from cxcontext.testing.wire import sealed


def assert_private(
    envelope: cx.Envelope | bytes | str,
    department: cx.Department[Any],
    *,
    may_read: Collection[cx.Scope],
) -> None:
    """
    Check that *department* can open no section but those of *may_read*.

    Every private key that it holds is tried on every section, of whichever scope and
    generation: the vocabulary's list of readers is a promise, and the keys are what
    counts. What travels in the clear, everybody reads; it counts, too.

    Args:
        envelope: What the department gets to see.
        department: With its keys.
        may_read: The scopes that it may read. That it can read them is not asked.

    Raises:
        AssertionError: It names scope, field numbers or names, and the remedy; or
            nothing is sealed in the envelope, so that nothing would be shown.

    .. versionadded:: 0.1.0
    """
    __tracebackhide__ = True
    parsed = (
        envelope if isinstance(envelope, cx.Envelope) else cx.Envelope.parse(envelope)
    )
    allowed = {scope.number for scope in may_read}
    if not any(statement.sections for statement in parsed.statements):
        msg = (
            "nothing is sealed in this envelope, so the test shows nothing; learn a "
            "field of each scope before it is handed over"
        )
        raise AssertionError(msg)
    problems = []
    for statement in parsed.statements:
        author = _author(department, statement.key_id)
        for scope, section in statement.sections.items():
            if scope not in allowed and _opens(
                department, section, protected=statement.protected, scope=scope
            ):
                problems.append(_can_open(department, scope, author))
        problems += _in_the_clear(
            department, [fact.field for fact in statement.clear], allowed, author
        )
    if problems:
        raise AssertionError("\n  ".join(["it is not private:", *problems]))


def _author(department: cx.Department[Any], key_id: bytes) -> str:
    entry = department.key_set.signing_key(key_id)
    return "an unknown author" if entry is None else entry.department


def _opens(
    department: cx.Department[Any], section: bytes, *, protected: bytes, scope: int
) -> bool:
    _, ciphertext, info = sealed(
        section, domain=department.domain, protected=protected, scope=scope
    )
    for key in department.keys.opening_keys:
        try:
            key.open(ciphertext, info=info)
        except InvalidTag:
            continue
        return True
    return False


def _can_open(department: cx.Department[Any], number: int, author: str) -> str:
    vocabulary = department.vocabulary
    scope = vocabulary.scopes_by_number.get(number)
    name = str(number) if scope is None else scope.name
    fields = ", ".join(
        field.name
        for field in vocabulary.fields.values()
        if field.scope.number == number
    )
    listed = scope is not None and department.name in scope.readers
    remedy = (
        f"take {department.name} out of the scope's readers, and rotate its key"
        if listed
        else f"{department.name} is no reader, and holds the key: rotate the scope's key"
    )
    return (
        f"{department.name} can open scope {name} ({fields or 'no field'}), sealed by "
        f"{author}\n    remedy: {remedy}; or withhold the scope; or say "
        "may_read=[..., it]"
    )


def _in_the_clear(
    department: cx.Department[Any],
    numbers: Collection[int],
    allowed: Collection[int],
    author: str,
) -> list[str]:
    fields = department.vocabulary.fields_by_number
    problems = []
    for number in numbers:
        field = fields.get(number)
        if field is None or field.scope.number not in allowed:
            name = str(number) if field is None else field.name
            problems.append(
                f"field {name} travels in the clear, stated by {author}: everybody can "
                "read it\n    remedy: declare it without clear=True, or put its scope "
                "into may_read"
            )
    return problems
