"""
The notices that a home has made, and which of them were answered.

A record for each, found by its id; one list of those of a journey, and one of
those that a department waits for. The last is the one that is worked through.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import attrs

import cxcontext as cx
from cxcontext.errors import UnexpectedReceiptError
from cxcontext.hiding import unshown
from cxcontext.homes.erased import (
    SentNotice,
    pack_notice,
    pack_receipt,
    unpack_notice,
    unpack_receipt,
)
from cxcontext.homes.paging import HIGHEST, all_linked
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import Steps

# For so long it can be shown who was told, and who answered.
NOTICE_LIFETIME: Final = timedelta(days=3650)


@attrs.frozen(repr=False, field_transformer=unshown)
class NoticeRecords:
    """
    The rules of notices, for stores of either kind.
    """

    pepper: Pepper

    def notice_id(self, journey_id: str, to: str) -> bytes:
        """
        Return the id of the notice to somebody about what they know as *journey_id*.

        It is the same each time, so that an erasure done twice tells nobody twice.
        """
        found = self.pepper.lookup("notice id", f"{journey_id} {to}".encode())
        return found[: cx.notices.NOTICE_ID_BYTES]

    def keep(
        self, journey_id: str, notice: cx.notices.ErasureNotice, *, now_s: int
    ) -> Steps[None]:
        """
        Note a notice about a journey, which is to be answered.
        """
        expires_s = now_s + int(NOTICE_LIFETIME.total_seconds())
        notice_id = bytes.fromhex(notice.id)
        record = self._record(notice_id)
        sealed = self.pepper.seal(
            "notice", pack_notice(notice, made_s=now_s), at=record
        )
        yield lambda store: store.replace(
            record, sealed, version=None, now_s=now_s, expires_s=expires_s
        )
        # What it is known by comes last: until then it is done again.
        for lookup in (self._awaited_by(notice.by), self._about(journey_id)):
            entry = self.pepper.seal("notice", notice_id, at=lookup)
            yield lambda store: store.link(
                lookup,  # noqa: B023
                entry,  # noqa: B023
                order=now_s,
                now_s=now_s,
                expires_s=expires_s,
            )

    def about(self, journey_id: str, *, now_s: int) -> Steps[tuple[SentNotice, ...]]:
        """
        Return the notices about a journey, oldest first.
        """
        return self._listed(self._about(journey_id), now_s=now_s, until=HIGHEST)

    def awaited(
        self, department: str, *, until: int, now_s: int
    ) -> Steps[tuple[SentNotice, ...]]:
        """
        Return what a department has made until then and waits for, oldest first.
        """
        return self._listed(self._awaited_by(department), now_s=now_s, until=until)

    def answer(self, receipt: cx.notices.ErasureReceipt, *, now_s: int) -> Steps[None]:
        """
        Note a receipt, for which nobody waits any more.

        Raises:
            UnexpectedReceiptError: When no such notice was made for whoever signed.
        """
        notice_id = bytes.fromhex(receipt.notice_id)
        sent = yield from self._load(notice_id, now_s=now_s)
        if sent is None or (sent.notice.to, sent.notice.by, sent.notice.journey_id) != (
            receipt.by,
            receipt.to,
            receipt.journey_id,
        ):
            raise UnexpectedReceiptError(receipt.notice_id)
        place = self._receipt(notice_id)
        sealed = self.pepper.seal("receipt", pack_receipt(receipt), at=place)
        expires_s = now_s + int(NOTICE_LIFETIME.total_seconds())
        # The proof comes first: one that was lost would be asked for again.
        yield lambda store: store.replace(
            place, sealed, version=None, now_s=now_s, expires_s=expires_s
        )
        lookup = self._awaited_by(sent.notice.by)
        entry = self.pepper.seal("notice", notice_id, at=lookup)
        yield lambda store: store.unlink(lookup, entry)

    def _listed(
        self, lookup: bytes, *, now_s: int, until: int
    ) -> Steps[tuple[SentNotice, ...]]:
        entries = yield from all_linked(lookup, now_s=now_s, until=until)
        found: list[SentNotice] = []
        for _, entry in entries:
            notice_id = self.pepper.open("notice", entry, at=lookup)
            sent = yield from self._load(notice_id, now_s=now_s)
            # A store may have lost the one and not the other.
            if sent is not None:
                found.append(sent)
        return tuple(reversed(found))

    def _load(self, notice_id: bytes, *, now_s: int) -> Steps[SentNotice | None]:
        record, place = self._record(notice_id), self._receipt(notice_id)
        found = yield lambda store: store.load(record, now_s=now_s)
        if found is None:
            return None
        sent = unpack_notice(self.pepper.open("notice", found[1], at=record))
        answered = yield lambda store: store.load(place, now_s=now_s)
        if answered is None:
            return sent
        packed = self.pepper.open("receipt", answered[1], at=place)
        return attrs.evolve(sent, receipt=unpack_receipt(packed, sent.notice))

    def _record(self, notice_id: bytes) -> bytes:
        return self.pepper.lookup("notice", notice_id)

    def _receipt(self, notice_id: bytes) -> bytes:
        return self.pepper.lookup("receipt", notice_id)

    def _about(self, journey_id: str) -> bytes:
        return self.pepper.lookup("notices about", journey_id.encode())

    def _awaited_by(self, department: str) -> bytes:
        return self.pepper.lookup("notices of", department.encode())


def unlink_all(lookup: bytes, entries: Iterable[bytes]) -> Steps[int]:
    """
    Let a key lead to none of these; return how many they were.
    """
    removed = 0
    for entry in entries:
        yield lambda store: store.unlink(lookup, entry)  # noqa: B023
        removed += 1
    return removed
