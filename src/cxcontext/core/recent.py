"""
The envelopes opened a moment ago, so that the same bytes cost nothing again.

Protocol, section 5: the exact bytes may be answered from here until their
delivery expires. Nothing else is skipped by it: a changed key set, another
expectation, or an instant at which a key or statement ends make it miss.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import sha256
from typing import Final

import attrs

from cxcontext.core.context import Context
from cxcontext.core.keys import KeySet
from cxcontext.core.statement import MAX_INSTANT_S
from cxcontext.core.verify import Expected, Verified

MAX_RECENT: Final = 256


@attrs.frozen(kw_only=True, eq=False)
class _Opened:
    expected: Expected
    key_set: KeySet
    from_s: int
    until_s: int
    verified: Verified
    context: Context


class RecentlyOpened:
    """
    A bounded memory of opened envelopes, found by the digest of their bytes.
    """

    def __init__(self, *, size: int = MAX_RECENT) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._opened: OrderedDict[bytes, _Opened] = OrderedDict()
        # Not later than the first end among them: until then none needs to go.
        self._first_end_s = 0

    def __len__(self) -> int:
        return len(self._opened)

    def find(
        self, raw: bytes | str, expected: Expected, *, key_set: KeySet, now_s: int
    ) -> tuple[Verified, Context] | None:
        """
        Return what these exact bytes were, if nothing has changed since.
        """
        digest = _digest(raw)
        found = None if digest is None else self._opened.get(digest)
        if (
            found is None
            or found.key_set is not key_set
            or not found.from_s <= now_s < found.until_s
            or found.expected != expected
        ):
            return None
        return found.verified, found.context

    def clear(self) -> None:
        """
        Forget everything.
        """
        with self._lock:
            self._opened.clear()

    def add(
        self,
        raw: bytes | str,
        expected: Expected,
        verified: Verified,
        context: Context,
        *,
        key_set: KeySet,
        now_s: int,
    ) -> None:
        """
        Remember an envelope that has just been verified.
        """
        digest = _digest(raw)
        expires_s = verified.delivery.expires_s
        # What rests is opened seldom and would stay for ever.
        if digest is None or expires_s is None:
            return
        key_ids = {s.key_id for s in verified.statements}
        key_ids.add(verified.delivery.key_id)
        ends = [
            entry.verify_until_s
            for key_id in key_ids
            if (entry := key_set.signing_key(key_id)) is not None
        ]
        ends += [s.expires_s for s in verified.statements if s.expires_s > now_s]
        opened = _Opened(
            expected=expected,
            key_set=key_set,
            from_s=now_s,
            until_s=min(expires_s, *ends),
            verified=verified,
            context=context,
        )
        with self._lock:
            if self._first_end_s <= now_s:
                self._forget_ended(now_s)
            self._first_end_s = min(self._first_end_s, opened.until_s)
            self._opened[digest] = opened
            self._opened.move_to_end(digest)
            while len(self._opened) > self._size:
                self._opened.popitem(last=False)

    def _forget_ended(self, now_s: int) -> None:
        # What was read in them is gone with them.
        for digest in [d for d, o in self._opened.items() if o.until_s <= now_s]:
            del self._opened[digest]
        self._first_end_s = min(
            (opened.until_s for opened in self._opened.values()), default=MAX_INSTANT_S
        )


def _digest(raw: bytes | str) -> bytes | None:
    try:
        return sha256(raw.encode("ascii") if isinstance(raw, str) else raw).digest()
    # What is not bytes or ASCII is refused by whoever decodes it.
    except (AttributeError, TypeError, UnicodeEncodeError):
        return None
