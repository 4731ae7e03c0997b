"""
Sealing: from what is pending to the statements that carry it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from cxcontext.core import cbor
from cxcontext.core.erasable import LOCK_NONCE_BYTES, lock, sealing_secret
from cxcontext.core.fold import Content
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.core.limits import MAX_PARENTS, MAX_SCOPES
from cxcontext.core.pending import Pending
from cxcontext.core.section import SectionContent
from cxcontext.core.statement import (
    FLAG_ACCEPTED,
    FLAG_ERASABLE,
    Claims,
    Statement,
    identify_journey,
    journey_id,
    section_info,
    sign_statement,
)
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import MissingKeyError
from cxcontext.hiding import unshown
from cxcontext.typing import ErasureSecrets, Random

# No scope has this number: in its place stands that a statement was sealed here.
SEALED_HERE: Final = 0


@attrs.frozen(kw_only=True, eq=False, repr=False, field_transformer=unshown)
class Sealed:
    """
    The new statements, and what they say, which their author may not be able to read.
    """

    statements: tuple[Statement, ...]
    contents: Mapping[tuple[bytes, int], Content]


def seal_pending(
    pending: Pending,
    *,
    parents: Sequence[Statement],
    nonce: bytes,
    keys: PrivateKeys,
    key_set: KeySet,
    vocabulary: type[Vocabulary],
    channel: str,
    flags: int,
    now_s: int,
    root: Statement | None,
    secrets: ErasureSecrets | None,
    random: Random,
) -> Sealed:
    """
    Return the statements that carry *pending*.

    One statement, except where more heads come together or more scopes are
    written than one may hold: then a chain of them.

    Args:
        pending: What was learned.
        parents: The verified heads; none for the root.
        nonce: The root's nonce.
        keys: The department's, of which the one that signs at the statement's
            instant is taken.
        key_set: Whose sealing keys are used, the newest generation of each scope.
        vocabulary: Whose revision is written.
        channel: Through which channel it was learned.
        flags: The root's, if it is to be sealed, and the arrival.
        now_s: The writer's clock, in seconds.
        root: The journey's, if there is one yet.
        secrets: Those of erasable journeys.
        random: Returns unpredictable bytes.

    Raises:
        MissingKeyError: When a scope has no key to seal to, or an erasable
            journey no secret.
        UnavailableError: When *secrets* cannot be reached now.
    """
    made: list[Statement] = []
    contents: dict[tuple[bytes, int], Content] = {}
    lifetime_s = int(key_set.statement_lifetime.total_seconds())
    # Nothing may be dated before what it builds upon (protocol, section 3).
    issued_s = max(now_s, *(p.issued_s for p in parents), 0)
    signer = keys.signer(key_set, now=issued_s)
    heads = list(parents)
    parts = _parts(pending)
    secret = None
    if root is None and flags & FLAG_ERASABLE:
        begun = identify_journey(
            domain=key_set.domain, key_id=signer.key_id, nonce=nonce
        )
        secret = sealing_secret(secrets, begun.hex(), begins=True)
    elif root is not None and root.is_erasable and pending.scopes:
        held = journey_id(domain=key_set.domain, root=root)
        secret = sealing_secret(secrets, held.hex(), begins=False)

    def add(part: Pending, origin: Sequence[Statement]) -> None:
        expires_s = max(issued_s + lifetime_s, *(p.expires_s for p in origin), 0)
        claims = Claims(
            algorithm=signer.algorithm,
            key_id=signer.key_id,
            issued_s=issued_s,
            expires_s=expires_s,
            parents=tuple(sorted(p.id for p in origin)),
            nonce=b"" if origin else nonce,
            channel=channel,
            revision=vocabulary.revision,
            clear=part.clear_facts(issued_s=issued_s),
            flags=flags | (FLAG_ACCEPTED if part.accepted else 0),
        )
        protected = claims.encode()
        said = {
            scope: part.content(scope, issued_s=issued_s)
            for scope in sorted(part.scopes)
        }
        sections = {
            scope: _seal(
                content.encode(),
                scope=scope,
                protected=protected,
                key_set=key_set,
                vocabulary=vocabulary,
                now_s=now_s,
                secret=secret,
                random=random,
            )
            for scope, content in said.items()
        }
        statement = sign_statement(
            claims,
            signer=signer,
            protected=protected,
            sections=sections,
            domain=key_set.domain,
        )
        made.append(statement)
        contents.update({(statement.id, s): content for s, content in said.items()})
        contents[statement.id, SEALED_HERE] = SectionContent()

    while len(heads) > MAX_PARENTS:
        add(Pending(), heads[:MAX_PARENTS])
        heads = [*heads[MAX_PARENTS:], made[-1]]
    for part in parts:
        add(part, heads)
        heads = [made[-1]]
    return Sealed(statements=tuple(made), contents=contents)


def _parts(pending: Pending) -> list[Pending]:
    scopes = sorted(pending.scopes)
    if len(scopes) <= MAX_SCOPES:
        return [pending]
    parts: list[Pending] = []
    for start in range(0, len(scopes), MAX_SCOPES):
        chosen = set(scopes[start : start + MAX_SCOPES])
        facts = {
            slot: fact
            for slot, fact in pending.facts.items()
            if (not start if fact.clear else fact.scope in chosen)
        }
        parts.append(
            Pending(
                facts=facts,
                marks=tuple(mark for mark in pending.marks if mark.scope in chosen),
                accepted=pending.accepted and not start,
            )
        )
    return parts


def _seal(
    plaintext: bytes,
    *,
    scope: int,
    protected: bytes,
    key_set: KeySet,
    vocabulary: type[Vocabulary],
    now_s: int,
    secret: bytes | None,
    random: Random,
) -> bytes:
    key = key_set.sealing_key(scope, now=now_s)
    if key is None:
        name = vocabulary.scopes_by_number[scope].name
        raise MissingKeyError(missing_sealing_key(name))
    info = section_info(
        domain=key_set.domain,
        protected=protected,
        scope=scope,
        generation=key.generation,
    )
    if secret is not None:
        nonce = random(LOCK_NONCE_BYTES)
        plaintext = lock(plaintext, secret=secret, info=info, nonce=nonce)
    return cbor.encode_structure([key.generation, key.seal(plaintext, info=info)])


def missing_sealing_key(scope: str) -> str:
    """
    Return what the error says when a scope has no key to seal to.
    """
    return f"scope {scope} has no key that may seal now"
