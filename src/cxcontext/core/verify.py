"""
Verification: from a claimed envelope to statements with known authors.

The order of checks is protocol, section 2: cheap refusals come first, the
delivery before the statements. Forging refuses; being behind degrades.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

import attrs
from cryptography.exceptions import InvalidSignature

from cxcontext.core.delivery import EVERY_DEPARTMENT, Delivery
from cxcontext.core.envelope import Envelope
from cxcontext.core.graph import Graph, build_graph
from cxcontext.core.keys import KeySet, SigningKeyEntry
from cxcontext.core.limits import CLOCK_LEEWAY_SECONDS
from cxcontext.core.statement import FLAG_EXPORT, Statement
from cxcontext.core.verified_cache import VerifiedCache
from cxcontext.errors import (
    BadDeliverySignatureError,
    DeliveryExpiredError,
    DeliveryTooLongError,
    ExternalAuthorError,
    ForgedStatementError,
    IssuedInFutureError,
    JourneyExpiredError,
    KeyRetiredError,
    StatementTimesError,
    UnknownKeyError,
    VerificationError,
    WrongAudienceError,
    WrongBindingError,
    WrongDeliveryKindError,
    WrongReplyError,
)
from cxcontext.hiding import unshown


@attrs.frozen(kw_only=True)
class Expected:
    """
    What the receiver expects of a delivery.

    Attributes:
        department: Who receives.
        rests: Whether it is read from rest instead of handed over.
        max_lifetime_s: The longest hand-over that is accepted.
        binding: What the receiver knows of the message from elsewhere.
        reply_to: The id of the request's delivery, when this is its response.
        from_external: Whether an external partner must have sent it.
        late: Whether a hand-over that has ended is accepted.
    """

    department: str
    rests: bool
    max_lifetime_s: int
    binding: bytes | None = attrs.field(default=None, repr=False)
    reply_to: bytes | None = None
    from_external: bool = False
    late: bool = False


@attrs.frozen(kw_only=True)
class LeftOut:
    """
    A statement that did not verify and that nothing verified builds upon.
    """

    key_id: str
    code: str


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown, eq=False)
class Verified:
    """
    Statements in topological order, with the department that signed each.

    Attributes:
        authors: Per statement; None where the signing key is not known here.
        sender: Who signed the delivery.
        left_out: What was dropped, and why.
    """

    statements: tuple[Statement, ...]
    authors: tuple[str | None, ...]
    graph: Graph
    delivery: Delivery
    sender: str
    left_out: tuple[LeftOut, ...] = ()

    @property
    def root(self) -> Statement:
        """
        The statement that began the journey.
        """
        return self.statements[0]


def verify_envelope(
    envelope: Envelope,
    *,
    domain: str,
    key_set: KeySet,
    expected: Expected,
    now_s: int,
    cache: VerifiedCache,
) -> Verified:
    """
    Return what of *envelope* is genuine.

    Args:
        envelope: As decoded; its graph is checked already.
        domain: The trust domain's name, which every signature covers.
        key_set: Whose keys are whose.
        expected: What the receiver expects of the delivery.
        now_s: The receiver's clock, in seconds.
        cache: Where verified statements are remembered.

    Raises:
        VerificationError: The first check that fails, in the fixed order.
    """
    delivery = envelope.delivery
    sender = check_delivery(
        envelope, domain=domain, key_set=key_set, expected=expected, now_s=now_s
    )
    authors, problems, not_now = _check_statements(
        envelope,
        domain=domain,
        key_set=key_set,
        partners=_partners_may_speak(envelope, key_set=key_set, expected=expected),
        now_s=now_s,
        cache=cache,
    )
    statements, graph = envelope.statements, envelope.graph
    left_out = tuple(
        LeftOut(key_id=statements[i].key_id.hex(), code=problem.code)
        for i, problem in sorted((problems | not_now).items())
    )
    if problems:
        kept = _without_forged(envelope, authors, problems)
        by_id = dict(zip(graph.order, authors, strict=True))
        graph = build_graph(statements[i] for i in kept)
        chosen = {statements[i].id: statements[i] for i in kept}
        statements = tuple(chosen[identifier] for identifier in graph.order)
        authors = [by_id[identifier] for identifier in graph.order]
    if all(statements[head].expires_s <= now_s for head in graph.heads):
        raise JourneyExpiredError
    return Verified(
        statements=statements,
        authors=tuple(authors),
        graph=graph,
        delivery=delivery,
        sender=sender,
        left_out=left_out,
    )


def check_delivery(
    envelope: Envelope,
    *,
    domain: str,
    key_set: KeySet,
    expected: Expected,
    now_s: int,
) -> str:
    """
    Return the name of the department that sent *envelope*.

    Raises:
        VerificationError: Key, algorithm, key window, times, claims, signature,
            in this order.
    """
    delivery = envelope.delivery
    key_id = delivery.key_id.hex()
    entry = key_set.signing_key(delivery.key_id)
    if entry is None:
        raise UnknownKeyError(key_id)
    entry.check(algorithm=delivery.algorithm, issued_at=delivery.issued_s, now=now_s)
    if delivery.issued_s > now_s + CLOCK_LEEWAY_SECONDS:
        raise IssuedInFutureError(_instant(delivery.issued_s))
    expires_s = delivery.expires_s
    if expires_s is not None and not expected.late and delivery.has_ended(now_s):
        raise DeliveryExpiredError(_instant(expires_s))
    _check_claims(delivery, expected)
    # A partner's answer has a door of its own; what it keeps itself is its own.
    own = entry.external and entry.department == expected.department
    if entry.external != expected.from_external and not (
        own and envelope.root.flags & FLAG_EXPORT
    ):
        raise ExternalAuthorError(entry.department)
    to_verify = delivery.signed_bytes(envelope.statements, domain=domain)
    try:
        entry.key.verify(delivery.signature, to_verify)
    except InvalidSignature:
        raise BadDeliverySignatureError(key_id) from None
    return entry.department


def _check_claims(delivery: Delivery, expected: Expected) -> None:
    if delivery.rests != expected.rests:
        kind = "that rests" if expected.rests else "that is handed over"
        raise WrongDeliveryKindError(kind)
    accepted = (
        (expected.department, EVERY_DEPARTMENT)
        if expected.rests
        else (expected.department,)
    )
    if delivery.audience not in accepted:
        raise WrongAudienceError(expected.department)
    if delivery.expires_s is not None:
        lifetime_s = delivery.expires_s - delivery.issued_s
        if lifetime_s > expected.max_lifetime_s:
            raise DeliveryTooLongError(lifetime_s, expected.max_lifetime_s)
    binding = expected.binding
    digest = None if binding is None else sha256(binding).digest()
    # A bound delivery is refused also where nothing is known to compare it
    # with: else it could be moved to a road on which nobody looks.
    if delivery.binding != digest:
        raise WrongBindingError
    if delivery.reply_to != expected.reply_to:
        raise WrongReplyError


def _partners_may_speak(
    envelope: Envelope, *, key_set: KeySet, expected: Expected
) -> bool:
    """
    Whether an external author's statements may stand in this envelope at all.

    In an export of ours only, and only where it comes back through its own door
    or the reader is a partner itself.
    """
    root = key_set.signing_key(envelope.root.key_id)
    reader = key_set.departments.get(expected.department)
    return (
        bool(envelope.root.flags & FLAG_EXPORT)
        and root is not None
        and not root.external
        and (expected.from_external or (reader is not None and reader.external))
    )


_Problems = dict[int, VerificationError]


def _check_statements(
    envelope: Envelope,
    *,
    domain: str,
    key_set: KeySet,
    partners: bool,
    now_s: int,
    cache: VerifiedCache,
) -> tuple[list[str | None], _Problems, _Problems]:
    """
    Return each statement's author, what is wrong for ever, and what is wrong now.

    What is wrong only by this reader's clock may be right by another's. It is
    not cut out, for then what it corrected would stand again: it is kept like a
    statement whose author is not known.
    """
    lifetime_s = int(key_set.statement_lifetime.total_seconds())
    position = envelope.graph.position
    authors: list[str | None] = []
    problems: _Problems = {}
    not_now: _Problems = {}
    for index, statement in enumerate(envelope.statements):
        entry = key_set.signing_key(statement.key_id)
        author = None if entry is None else entry.department
        ahead_s = statement.issued_s - now_s
        try:
            if entry is not None:
                if not _verifies_now(entry, statement, now_s=now_s):
                    not_now[index] = KeyRetiredError(statement.key_id.hex())
                # Whose a key is may change; what was verified does not.
                if entry.external and not partners:
                    raise ExternalAuthorError(entry.department)
            if entry is None or statement not in cache:
                parents = [envelope.statements[position[p]] for p in statement.parents]
                check_times(statement, parents, lifetime_s=lifetime_s)
                # Not even what is not believed now is kept in a name that did not
                # sign.
                if entry is not None:
                    signed = statement.signed_bytes(domain)
                    entry.key.verify(statement.signature, signed)
                    cache.add(statement)
        except InvalidSignature:
            problems[index] = ForgedStatementError(statement.key_id.hex())
        except VerificationError as problem:
            problems[index] = problem
        if ahead_s > CLOCK_LEEWAY_SECONDS:
            not_now[index] = IssuedInFutureError(_instant(statement.issued_s))
        if index in problems:
            not_now.pop(index, None)
        authors.append(None if index in not_now else author)
    return authors, problems, not_now


def _verifies_now(entry: SigningKeyEntry, statement: Statement, *, now_s: int) -> bool:
    try:
        entry.check(
            algorithm=statement.algorithm, issued_at=statement.issued_s, now=now_s
        )
    except KeyRetiredError:
        if not entry.signed_in_time(statement.issued_s):
            raise
        # The key verifies no more. An expired statement counts for the graph
        # only, so that a journey may outlive the key that began it.
        return statement.expires_s <= now_s
    return True


def check_times(
    statement: Statement,
    parents: Sequence[Statement],
    *,
    lifetime_s: int,
) -> None:
    """
    Hold a statement's times against its parents' (protocol, 5).

    Raises:
        StatementTimesError: It is dated before a parent, would outlive what is
            allowed, or would end before something that it supersedes.
    """
    latest_expiry_s = max((parent.expires_s for parent in parents), default=0)
    latest_issue_s = max((parent.issued_s for parent in parents), default=0)
    longest_s = max(statement.issued_s + lifetime_s, latest_expiry_s)
    if (
        statement.issued_s < latest_issue_s
        or not latest_expiry_s <= statement.expires_s <= longest_s
        or statement.expires_s < statement.issued_s
    ):
        raise StatementTimesError(statement.key_id.hex())


def _without_forged(
    envelope: Envelope,
    authors: Sequence[str | None],
    problems: dict[int, VerificationError],
) -> list[int]:
    """
    Return the positions that stay when what did not verify is left out.
    """
    forged = sum(1 << index for index in problems)
    kept: list[int] = []
    for index, author in enumerate(authors):
        built_upon = envelope.graph.ancestors[index] & forged
        if index in problems:
            continue
        if not built_upon:
            kept.append(index)
        elif author is not None:
            # Somebody genuine builds upon the forgery: it cannot be cut out.
            first = (built_upon & -built_upon).bit_length() - 1
            raise problems[first]
    if not kept:
        raise problems[min(problems)]
    return kept


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
