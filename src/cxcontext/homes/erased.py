"""
What became of an erasure: what was deleted here, who is told, and who answered.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import attrs

import cxcontext as cx


@attrs.frozen(kw_only=True)
class Erased:
    """
    What was done to erase a journey. ``str`` says it for whoever asked.

    Attributes:
        journey_id: Which journey.
        at: When it was erased here.
        erasable: Whether it is an erasable journey. None where nothing rested here
            that could say so.
        unreadable_from: From when on no copy can be read, anywhere, because its
            secret is deleted. None where copies elsewhere stay readable.
        due_times: How many due times of promises were removed.
        references: How many references that the customer carries were revoked.
        links: How many links from the keys that were given were removed.
        notices: To be sent, each to its department; those that were answered
            already are left out.
        untold: Who was sent something whose id was not noted, or is in the key set
            no more: they are to be told by other means.
        complete: Whether everybody who has it is known; see `WhoHas`.

    .. versionadded:: 0.1.0
    """

    journey_id: str
    at: datetime
    erasable: bool | None
    unreadable_from: datetime | None
    due_times: int
    references: int
    links: int
    notices: tuple[cx.notices.ErasureNotice, ...]
    untold: tuple[str, ...]
    complete: bool

    def __str__(self) -> str:
        said = [f"journey {self.journey_id} was erased here at {self.at.isoformat()}"]
        if self.unreadable_from is not None:
            at = self.unreadable_from.isoformat()
            said.append(f"its secret is deleted, so no copy can be read from {at} on")
        else:
            said.append(
                "no secret of it could be deleted, so copies elsewhere stay readable "
                "until whoever has them forgets them"
            )
        told = ", ".join(notice.to for notice in self.notices)
        said.append(f"notices are due to {told}" if told else "no notices are due")
        if self.untold:
            said.append(f"to be told by other means: {', '.join(self.untold)}")
        if not self.complete:
            said.append("others may have it, for log and trail do not say everything")
        return "; ".join(said)


@attrs.frozen(kw_only=True)
class SentNotice:
    """
    A notice, when it was made, and what came of it. It can be sent again as it is.

    .. versionadded:: 0.1.0
    """

    notice: cx.notices.ErasureNotice
    made_at: datetime
    receipt: cx.notices.ErasureReceipt | None = None


def pack_notice(notice: cx.notices.ErasureNotice, *, made_s: int) -> bytes:
    """
    Return what is stored of a notice.
    """
    erased_s = int(notice.erased_at.timestamp())
    packed = [
        *(notice.id, notice.journey_id, notice.by, notice.to),
        *(erased_s, made_s, bytes(notice).hex()),
    ]
    return json.dumps(packed, separators=(",", ":")).encode()


def unpack_notice(packed: bytes) -> SentNotice:
    """
    Return what was stored.
    """
    notice_id, journey_id, by, to, erased_s, made_s, raw = json.loads(packed)
    notice = cx.notices.ErasureNotice(
        id=notice_id,
        journey_id=journey_id,
        by=by,
        to=to,
        erased_at=datetime.fromtimestamp(erased_s, UTC),
        bytes=bytes.fromhex(raw),
    )
    return SentNotice(notice=notice, made_at=datetime.fromtimestamp(made_s, UTC))


def pack_receipt(receipt: cx.notices.ErasureReceipt) -> bytes:
    """
    Return what is stored of a receipt, beside its notice.
    """
    packed = [int(receipt.at.timestamp()), bytes(receipt).hex()]
    return json.dumps(packed, separators=(",", ":")).encode()


def unpack_receipt(
    packed: bytes, notice: cx.notices.ErasureNotice
) -> cx.notices.ErasureReceipt:
    """
    Return what was stored.
    """
    at_s, raw = json.loads(packed)
    return cx.notices.ErasureReceipt(
        notice_id=notice.id,
        journey_id=notice.journey_id,
        by=notice.to,
        to=notice.by,
        at=datetime.fromtimestamp(at_s, UTC),
        bytes=bytes.fromhex(raw),
    )
