"""
By which of a platform's ids a reference is found again.

A transfer may strip every header. What is left is an id that both legs know: a
call id, the dialog that a ``Replaces`` names, a conversation id. Whoever knows it
brings it along, and the store has neither it nor the reference (protocol,
section 7; telephony notes, C4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, SupportsBytes

import attrs

from cxcontext.errors import UsageError
from cxcontext.hiding import unshown
from cxcontext.homes.bearer_seal import BearerPlace, bearer_place
from cxcontext.homes.found import Found, raw_bytes
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import Steps, run, run_async
from cxcontext.typing import AsyncStore, Clock, Store

# Two are as many as too many.
_SEVERAL: Final = 2


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _seconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise UsageError("an instant is an aware datetime")
    return int(at.timestamp())


@attrs.frozen(repr=False, field_transformer=unshown)
class _Rules:
    pepper: Pepper
    clock: Clock

    def note(
        self,
        key: CallKey,
        reference: SupportsBytes,
        expires_at: datetime,
        replaces: SupportsBytes | None,
    ) -> Steps[None]:
        now_s, expires_s = _seconds(self.clock()), _seconds(expires_at)
        if expires_s <= now_s:
            raise UsageError("what is noted expires later than now")
        place = self._place(key)
        # Sealed alike, the same reference is the same link, which is renewed.
        sealed = place.seal(raw_bytes(reference))
        old = None if replaces is None else place.seal(raw_bytes(replaces))
        # First the new one: whoever is cut off in between leaves two, which lead
        # nowhere until this is done again, and not to what is over.
        yield lambda store: store.link(
            place.lookup, sealed, order=now_s, now_s=now_s, expires_s=expires_s
        )
        if old is not None and old != sealed:
            yield lambda store: store.unlink(place.lookup, old)

    def resolve(self, key: CallKey) -> Steps[Found[bytes]]:
        place = self._place(key)
        now_s = _seconds(self.clock())
        links: Sequence[tuple[int, bytes]] = yield lambda store: store.linked(
            place.lookup, now_s=now_s, limit=_SEVERAL
        )
        if len(links) != 1:
            return Found(conflict=len(links) > 1)
        return Found(reference=place.open(links[0][1]))

    def forget(self, key: CallKey, reference: SupportsBytes) -> Steps[None]:
        place = self._place(key)
        sealed = place.seal(raw_bytes(reference))
        yield lambda store: store.unlink(place.lookup, sealed)

    def _place(self, key: CallKey) -> BearerPlace:
        # As a list in JSON, no other platform, kind and value spell the same.
        brought = json.dumps([key.platform, key.kind, key.value]).encode()
        return bearer_place(self.pepper, "correlation", brought)


@attrs.frozen
class CallKey:
    """
    One id of a call, dialog or conversation, as one platform gives it.

    >>> CallKey("twilio", "call", "CA0f1e")
    CallKey(platform='twilio', kind='call')

    Args:
        platform: Whose id it is: ``"twilio"``, ``"sip"``. Where several accounts
            or exchanges give out ids, name which one.
        kind: What it identifies there: ``"call"``, ``"dialog"``.
        value: The id, compared character by character, as RFC 3261, 8.1.1.4 wants
            of a Call-ID. Hidden in ``repr``.

    Raises:
        UsageError: When one of them is empty: all calls without an id would be
            the same call.

    .. versionadded:: 0.1.0
    """

    platform: str
    kind: str
    value: str = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        if not (self.platform and self.kind and self.value):
            raise UsageError("a call's key has a platform, a kind and a value")


class Correlations:
    """
    Notes under which ids a reference is known, and finds it by any of them.

    Args:
        store: The engine that keeps the entries.
        pepper: As that of `Home`.
        clock: Returns the present instant; the system's, unless given.

    Raises:
        UsageError: When the pepper is too short.

    .. versionadded:: 0.1.0
    """

    def __init__(self, store: Store, *, pepper: bytes, clock: Clock = _utc_now) -> None:
        self._store = store
        self._rules = _Rules(Pepper(pepper), clock)

    def __repr__(self) -> str:
        return f"<Correlations on {type(self._store).__name__}>"

    def note(
        self,
        key: CallKey,
        *,
        reference: SupportsBytes,
        expires_at: datetime,
        replaces: SupportsBytes | None = None,
    ) -> None:
        """
        Let *key* lead to a reference; note each id of a call that you know.

        Noting the same again renews it. Another reference under the same id does
        not push the first aside: then `resolve` gives neither, unless the caller
        knows the first and says that it is replaced.

        Args:
            key: The id.
            reference: A `Reference`, or its 30 bytes.
            expires_at: From when on it is not found; that of the reference.
            replaces: What *key* led to, where a child takes its parent's place.

        Raises:
            UsageError: When an argument is not what it is to be.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        run(self._rules.note(key, reference, expires_at, replaces), self._store)

    def resolve(self, key: CallKey) -> Found[bytes]:
        """
        Return the reference that *key* leads to.

        Where two were noted under one id there is none, and `Found.conflict`.

        Raises:
            RecordTamperedError: When the store's entry is not one of ours.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.resolve(key), self._store)

    def forget(self, key: CallKey, *, reference: SupportsBytes) -> None:
        """
        Let *key* no longer lead to a reference, as when the call has ended.

        .. versionadded:: 0.1.0
        """
        run(self._rules.forget(key, reference), self._store)


class AsyncCorrelations:
    """
    As `Correlations`, on a store that is awaited.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, store: AsyncStore, *, pepper: bytes, clock: Clock = _utc_now
    ) -> None:
        self._store = store
        self._rules = _Rules(Pepper(pepper), clock)

    def __repr__(self) -> str:
        return f"<AsyncCorrelations on {type(self._store).__name__}>"

    async def note(
        self,
        key: CallKey,
        *,
        reference: SupportsBytes,
        expires_at: datetime,
        replaces: SupportsBytes | None = None,
    ) -> None:
        """
        As `Correlations.note`.
        """
        steps = self._rules.note(key, reference, expires_at, replaces)
        await run_async(steps, self._store)

    async def resolve(self, key: CallKey) -> Found[bytes]:
        """
        As `Correlations.resolve`.
        """
        return await run_async(self._rules.resolve(key), self._store)

    async def forget(self, key: CallKey, *, reference: SupportsBytes) -> None:
        """
        As `Correlations.forget`.
        """
        await run_async(self._rules.forget(key, reference), self._store)
