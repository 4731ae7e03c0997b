"""
An envelope is whole: everybody in it is who they say, and nothing was taken out.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import cxcontext as cx
from cxcontext.errors import MalformedError, VerificationError


def assert_intact(
    envelope: cx.Envelope | bytes | str,
    department: cx.Department[Any],
    *,
    withheld: Collection[cx.Scope] = (),
    binding: bytes | None = None,
) -> None:
    """
    Check that *envelope* verifies, with every statement and every section in it.

    It is verified as whoever it is for would, at this instant and with this
    department's key set; that it may be for somebody else is no fault. Nothing of
    the department's is changed: a delivery that is looked at is not received.

    Args:
        envelope: One that is handed over, or one that rests.
        department: Any department of the domain: its key set, vocabulary and clock.
        withheld: Scopes whose sections may be missing.
        binding: What the receiver will know of the message, if it is bound.

    Raises:
        AssertionError: It names code, statement, department and scope.

    .. versionadded:: 0.1.0
    """
    __tracebackhide__ = True
    told: list[Any] = []
    try:
        parsed = _parsed(envelope)
        context = _opened(parsed, department, binding, told)
    except VerificationError as problem:
        # Without the cause, whose frames hold the envelope.
        msg = (
            f"the envelope is refused with {problem.code}: {problem}\n"
            "  remedy: pass it on byte for byte, and in one piece"
        )
        raise AssertionError(msg) from None
    problems = [
        f"a statement under key {event.key_id} was left out: {event.code}\n"
        "    remedy: whoever added it has no key of this domain, or no valid one"
        for event in told
        if isinstance(event, cx.events.LeftOutStatement)
    ]
    problems += _unknown(context)
    problems += _withheld(context, department, withheld)
    if problems:
        raise AssertionError("\n  ".join(["the envelope is not intact:", *problems]))


def _parsed(envelope: cx.Envelope | bytes | str) -> cx.Envelope:
    return (
        envelope if isinstance(envelope, cx.Envelope) else cx.Envelope.parse(envelope)
    )


def _opened(
    envelope: cx.Envelope,
    department: cx.Department[Any],
    binding: bytes | None,
    told: list[Any],
) -> cx.Context:
    """
    Return the envelope as its receiver sees it who holds no keys at all.
    """
    delivery, key_set = envelope.delivery, department.key_set
    # A domain of its own, so that no cache here has seen the envelope before.
    domain = cx.TrustDomain(
        department.domain,
        department.vocabulary,
        keys=key_set,
        clock=lambda: datetime.fromtimestamp(department.now_s(), tz=UTC),
        on_event=told.append,
    )
    name = department.name if delivery.audience == "*" else delivery.audience
    if name not in key_set.departments:
        raise MalformedError("audience")
    receiver = domain.department(
        name, keys=cx.PrivateKeys(domain=department.domain, department=name)
    )
    if delivery.expires_s is None:
        return receiver.resume(envelope).context
    sender = key_set.signing_key(delivery.key_id)
    if sender is not None and sender.external:
        return receiver.receive_from_external(envelope)[0].context
    return receiver.receive(
        envelope,
        binding=binding,
        reply_to=delivery.reply_to,
        max_lifetime=timedelta(seconds=delivery.expires_s - delivery.issued_s),
    ).context


def _unknown(context: cx.Context) -> list[str]:
    return [
        f"the author of statement {_name(statement.id)} is not known: key "
        f"{statement.key_id.hex()} is not in the key set\n"
        "    remedy: publish the key set that has it before the key is used"
        for statement, author in zip(context.statements, context.authors, strict=True)
        if author is None
    ]


def _withheld(
    context: cx.Context,
    department: cx.Department[Any],
    allowed: Collection[cx.Scope],
) -> list[str]:
    scopes = department.vocabulary.scopes_by_number
    may_lack = {scope.number for scope in allowed}
    now_s = department.now_s()
    problems = []
    for statement, author in zip(context.statements, context.authors, strict=True):
        # Of what has expired, only the mark travels on.
        if statement.expires_s <= now_s:
            continue
        for number in statement.digests:
            if number in statement.sections or number in may_lack:
                continue
            scope = scopes[number].name if number in scopes else str(number)
            problems.append(
                f"scope {scope} was withheld from statement {_name(statement.id)} by "
                f"{author}\n    remedy: hand it over without withhold=, or allow it "
                "here with withheld="
            )
    return problems


def _name(statement_id: bytes) -> str:
    return statement_id.hex()[:8]
