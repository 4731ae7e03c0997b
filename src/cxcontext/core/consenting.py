"""
Consent: what counts as given, when several departments record it.

Protocol, section 4: only the field's writers grant, any department withdraws,
and a grant counts only if it descends from every withdrawal and from every
section of the scope that cannot be read. When in doubt there is no consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from cxcontext.core.fold import Content, Node
from cxcontext.core.gaps import Reason
from cxcontext.core.known import Known
from cxcontext.core.section import SectionContent
from cxcontext.core.standard import Consent, ConsentStatus
from cxcontext.core.vocabulary import FieldDefinition
from cxcontext.errors import MalformedError


@attrs.frozen(kw_only=True)
class ConsentReading:
    """
    Whether consent counts, and what stands against it otherwise.
    """

    granted: Consent | None = attrs.field(default=None, repr=False)
    withdrawn: bool = False
    expired: bool = False
    unread: Reason | None = None


def fold_consent(
    field: FieldDefinition[Any],
    purpose: str,
    *,
    nodes: Sequence[Node],
    contents: Sequence[Content],
    now_s: int,
    max_age_s: int,
) -> ConsentReading:
    """
    Return whether there is consent for *purpose*.

    Args:
        field: The consent field of the vocabulary.
        purpose: A W3C DPV purpose.
        nodes: The statements in topological order.
        contents: Per statement, what this reader finds of the field's scope;
            also of departments that may not write it.
        now_s: The reader's clock, in seconds.
        max_age_s: How long a grant counts at most.
    """
    grants: list[tuple[int, Consent]] = []
    withdrawals = 0
    unread = 0
    reason: Reason | None = None
    expired = False
    for index, (node, content) in enumerate(zip(nodes, contents, strict=True)):
        if content is None or node.expires_s <= now_s:
            continue
        found = _find(field, purpose, node, content)
        if isinstance(found, Reason):
            unread |= 1 << index
            reason = reason or found
        elif found is None:
            continue
        elif not found.consent.granted:
            withdrawals |= 1 << index
        elif node.department is not None and field.may_write(node.department):
            if _alive(found, now_s=now_s, max_age_s=max_age_s):
                grants.append((index, found.consent))
            else:
                expired = True
    for index, grant in reversed(grants):
        others = (withdrawals | unread) & ~(1 << index)
        if not others & ~nodes[index].ancestors:
            return ConsentReading(granted=grant)
    return ConsentReading(withdrawn=bool(withdrawals), expired=expired, unread=reason)


@attrs.frozen
class _Found:
    consent: Consent
    at_s: int


def _find(
    field: FieldDefinition[Any], purpose: str, node: Node, content: Content
) -> _Found | Reason | None:
    if not isinstance(content, SectionContent):
        return content
    if node.department is None:
        return Reason.UNKNOWN_AUTHOR
    fact = content.find(field.number, purpose)
    if fact is None:
        return None
    at_s = node.issued_s - fact.age_s
    if not fact.has_value:
        # Taking back what was recorded is taking back the grant.
        return _Found(Consent(status=ConsentStatus.WITHDRAWN), at_s)
    try:
        consent: Consent = field.codec.from_wire(fact.value)
    except MalformedError:
        return Reason.UNREADABLE
    # Nobody concludes that a customer has agreed.
    if consent.granted and fact.known is Known.INFERRED:
        return None
    return _Found(consent, at_s)


def _alive(found: _Found, *, now_s: int, max_age_s: int) -> bool:
    # From when it was given, which may be well before it was sealed.
    ends_s = found.at_s + max_age_s
    if found.consent.expires_at is not None:
        ends_s = min(ends_s, int(found.consent.expires_at.timestamp()))
    return now_s < ends_s
