"""
Who may ask the resolver, for which department, and how often.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any, ClassVar, Final

import attrs

from cxcontext.errors import UsageError
from cxcontext.hiding import unshown
from cxcontext.pickling import NotPicklable
from cxcontext.telephony.ladder import Ladder
from cxcontext.telephony.transfer import Transfers

MIN_KEY_CHARS: Final = 32


def _digest(key: str) -> bytes:
    if not isinstance(key, str) or len(key) < MIN_KEY_CHARS or not key.isascii():
        msg = "a resolver's key is 32 ASCII characters or more: secrets.token_urlsafe()"
        raise UsageError(msg)
    return sha256(key.encode()).digest()


@attrs.frozen(repr=False, field_transformer=unshown)
class ResolverClient(NotPicklable):
    """
    One platform that may ask, and for which department.

    Args:
        name: What to call it. The same call id of two clients is two calls.
        key: Its bearer key: 32 characters or more, of which a hash is kept.
        ladder: How it finds journeys, and for which department: whoever has the key
            sees as much.
        transfers: How the next leg's reference is minted, where it may hand over.
        trusted: Whether no caller can put a reference or header there; as of `Leg`.

    Raises:
        UsageError: When the key is too short.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "make it anew where it is used"

    name: str
    digest: bytes = attrs.field(alias="key", converter=_digest, kw_only=True)
    ladder: Ladder[Any] = attrs.field(kw_only=True)
    transfers: Transfers | None = attrs.field(kw_only=True, default=None)
    trusted: bool = attrs.field(kw_only=True, default=False)

    def __repr__(self) -> str:
        return f"<ResolverClient {self.name} for {self.ladder.department.name}>"

    def has(self, digest: bytes) -> bool:
        """
        Whether *digest* is that of its key. Takes as long whatever it is.
        """
        return hmac.compare_digest(self.digest, digest)


@attrs.define
class Bucket:
    """
    How many requests one client may still make; it fills up again evenly.

    .. versionadded:: 0.1.0
    """

    left: float
    at_s: float

    def take(self, *, per_minute: int, now_s: float) -> float:
        """
        Take one, and return 0; or return after how many seconds there is one.
        """
        gained = (now_s - self.at_s) * per_minute / 60
        self.left, self.at_s = min(per_minute, self.left + gained), now_s
        if self.left >= 1:
            self.left -= 1
            return 0
        return (1 - self.left) * 60 / per_minute
