"""
The rules of erasure: delete, leave a tombstone, tell, and wait for receipts.

In this order, so that an erasure that was interrupted is done by doing it again:
first the tombstone, so that nothing comes home any more; then the secret; then
the notices are noted, from what record and log say; then the rest goes.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import attrs

import cxcontext as cx
from cxcontext.errors import VerificationError
from cxcontext.hiding import unshown
from cxcontext.homes.customer_keys import CustomerKey
from cxcontext.homes.delivery_log import unpack_handed
from cxcontext.homes.due_times import unpack_due
from cxcontext.homes.erased import Erased, SentNotice
from cxcontext.homes.known_heads import KnownHeads
from cxcontext.homes.notice_records import NoticeRecords, unlink_all
from cxcontext.homes.paging import all_linked
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.secret_records import SecretRecords, Tombstones
from cxcontext.homes.secrets import AsyncJourneySecrets, JourneySecrets
from cxcontext.homes.who_has import MAX_HANDED, Holder, WhoHas, union
from cxcontext.steps import Steps

V = TypeVar("V", bound=cx.Vocabulary)

# GDPR, article 12(3): "within one month of receipt of the request". The shortest
# month is February.
ONE_MONTH: Final = timedelta(days=28)


@attrs.frozen(repr=False, field_transformer=unshown)
class Erasing:
    """
    The rules, for either kind of `Erasures`.
    """

    pepper: Pepper
    max_age: timedelta
    secrets: JourneySecrets | AsyncJourneySecrets | None
    notices: NoticeRecords
    tombstones: Tombstones
    records: SecretRecords

    @classmethod
    def under(
        cls,
        pepper: bytes,
        *,
        max_age: timedelta,
        secrets: JourneySecrets | AsyncJourneySecrets | None,
    ) -> Erasing:
        """
        Return the rules under a pepper.
        """
        kept = Pepper(pepper)
        return cls(
            pepper=kept,
            max_age=max_age if secrets is None else max(max_age, secrets.max_age),
            secrets=secrets,
            notices=NoticeRecords(kept),
            tombstones=Tombstones(kept),
            records=SecretRecords(kept, 0),
        )

    # --- who has it ----------------------------------------------------------

    def who_has(self, journey_id: str, department: cx.Department[V]) -> Steps[WhoHas]:
        """
        As `Erasures.who_has`.
        """
        journey = yield from self._rested(journey_id, department)
        return (yield from self._holders(journey_id, journey, department))

    def _holders(
        self,
        journey_id: str,
        journey: cx.Journey[V] | None,
        department: cx.Department[V],
    ) -> Steps[WhoHas]:
        lookup = self.pepper.lookup("log", journey_id.encode())
        now_s = department.now_s()
        links = yield lambda store: store.linked(lookup, now_s=now_s, limit=MAX_HANDED)
        handed = [
            unpack_handed(self.pepper.open("log", entry, at=lookup))
            for _, entry in links
        ]
        departments = department.key_set.departments
        externals = {name for name, entry in departments.items() if entry.external}
        return union(journey_id, handed, journey, externals=externals)

    def _rested(
        self, journey_id: str, department: cx.Department[V]
    ) -> Steps[cx.Journey[V] | None]:
        now_s = department.now_s()
        lookup = self.pepper.lookup("journey", journey_id.encode())
        found = yield lambda store: store.load(lookup, now_s=now_s)
        if found is None:
            return None
        try:
            journey = department.resume(found[1])
        except VerificationError:
            # It is deleted all the same; that its trail is not known is said.
            return None
        return journey if journey.id == journey_id else None

    # --- erasing -------------------------------------------------------------

    def erase(
        self,
        journey_id: str,
        department: cx.Department[V],
        keys: Collection[CustomerKey],
    ) -> Steps[Erased]:
        """
        As `Erasures.erase`.
        """
        now_s = department.now_s()
        journey = yield from self._rested(journey_id, department)
        held = yield from self.records.is_kept(journey_id, now_s=now_s)
        erasable = held or None if journey is None else journey.is_erasable
        stone = yield from self.tombstones.put(
            journey_id, at_s=now_s, erasable=erasable, now_s=now_s
        )
        erased_at = datetime.fromtimestamp(stone.at_s, UTC)
        yield from self._forget_secret(journey_id)
        # What came home until the tombstone stood is in the trail as well.
        journey = (yield from self._rested(journey_id, department)) or journey
        who_has = yield from self._holders(journey_id, journey, department)
        untold = yield from self._tell(who_has, department, erased_at)
        sent = yield from self.notices.about(journey_id, now_s=now_s)
        links = yield from self._unlink(journey_id, keys, now_s=now_s)
        due_times, references = yield from self._forget_rest(journey_id, department)
        deleted_s = now_s if held else stone.at_s
        unreadable_from = datetime.fromtimestamp(deleted_s, UTC) + self.max_age
        return Erased(
            journey_id=journey_id,
            at=erased_at,
            erasable=stone.erasable,
            unreadable_from=unreadable_from if stone.erasable else None,
            due_times=due_times,
            references=references,
            links=links,
            notices=tuple(each.notice for each in sent if each.receipt is None),
            untold=untold,
            complete=who_has.complete,
        )

    def _tell(
        self, who_has: WhoHas, department: cx.Department[V], erased_at: datetime
    ) -> Steps[tuple[str, ...]]:
        """
        Note a notice to everybody else who has it; return who cannot be told so.
        """
        now_s, journey_id = department.now_s(), who_has.journey_id
        sent = yield from self.notices.about(journey_id, now_s=now_s)
        told = {each.notice.id for each in sent}
        untold: set[str] = set()
        for holder in who_has.holders:
            if holder.department == department.name:
                continue
            known_as = _known_as(holder, journey_id, department)
            if known_as is None:
                untold.add(holder.department)
                continue
            notice_id = self.notices.notice_id(known_as, holder.department)
            if notice_id.hex() not in told:
                told.add(notice_id.hex())
                notice = cx.notices.sign_notice(
                    department,
                    to=holder.department,
                    journey_id=known_as,
                    erased_at=erased_at,
                    notice_id=notice_id,
                )
                yield from self.notices.keep(journey_id, notice, now_s=now_s)
        return tuple(sorted(untold))

    def _forget_secret(self, journey_id: str) -> Steps[None]:
        yield from self.records.forget(journey_id)
        if self.secrets is not None:
            self.secrets.forget(journey_id)

    def _forget_rest(
        self, journey_id: str, department: cx.Department[V]
    ) -> Steps[tuple[int, int]]:
        """
        Remove what else there is of a journey; return how many due times and references.
        """
        now_s = department.now_s()
        due_times = yield from self._forget_due(journey_id, department, now_s=now_s)
        carried = self.pepper.lookup("carried", journey_id.encode())
        references = yield from all_linked(carried, now_s=now_s)
        for _, lookup in references:
            yield lambda store: store.remove(lookup)  # noqa: B023
        yield from unlink_all(carried, [lookup for _, lookup in references])
        record = self.pepper.lookup("journey", journey_id.encode())
        yield lambda store: store.remove(record)
        yield from KnownHeads(self.pepper).forget(journey_id)
        department.forget_recent()
        return due_times, len(references)

    def _forget_due(
        self, journey_id: str, department: cx.Department[V], *, now_s: int
    ) -> Steps[int]:
        removed = 0
        for owner in department.key_set.departments:
            lookup = self.pepper.lookup("due", owner.encode())
            entries = yield from all_linked(lookup, now_s=now_s)
            removed += yield from unlink_all(
                lookup,
                [
                    entry
                    for _, entry in entries
                    if self._due_at(entry, lookup) == journey_id
                ],
            )
        return removed

    def _due_at(self, entry: bytes, lookup: bytes) -> str:
        packed = self.pepper.open("due", entry, at=lookup)
        return unpack_due(packed, owner="", due_s=0).place.journey_id

    def _unlink(
        self, journey_id: str, keys: Collection[CustomerKey], *, now_s: int
    ) -> Steps[int]:
        removed = 0
        for key in keys:
            lookup = self.pepper.lookup("customer", key.normalised())
            entries = yield from all_linked(lookup, now_s=now_s)
            removed += yield from unlink_all(
                lookup,
                [
                    entry
                    for _, entry in entries
                    if self.pepper.open("link", entry, at=lookup)[:-1].hex()
                    == journey_id
                ],
            )
        return removed

    # --- notices and receipts ------------------------------------------------

    def receive_notice(
        self, raw: bytes, department: cx.Department[V]
    ) -> Steps[cx.notices.ErasureReceipt]:
        """
        As `Erasures.receive_notice`.
        """
        notice = cx.notices.verify_notice(department, raw)
        journey_id, now_s = notice.journey_id, department.now_s()
        held = yield from self.records.is_kept(journey_id, now_s=now_s)
        yield from self.tombstones.put(
            journey_id,
            at_s=min(now_s, int(notice.erased_at.timestamp())),
            erasable=held or None,
            now_s=now_s,
        )
        yield from self._forget_secret(journey_id)
        yield from self._forget_rest(journey_id, department)
        return cx.notices.sign_receipt(department, notice)

    def receive_receipt(
        self, raw: bytes, department: cx.Department[V]
    ) -> Steps[cx.notices.ErasureReceipt]:
        """
        As `Erasures.receive_receipt`.
        """
        receipt = cx.notices.verify_receipt(department, raw)
        yield from self.notices.answer(receipt, now_s=department.now_s())
        return receipt

    def overdue_notices(
        self, department: cx.Department[V], after: timedelta
    ) -> Steps[tuple[SentNotice, ...]]:
        """
        As `Erasures.overdue_notices`.
        """
        now_s = department.now_s()
        until = now_s - int(after.total_seconds())
        return self.notices.awaited(department.name, until=until, now_s=now_s)


def _known_as(
    holder: Holder, journey_id: str, department: cx.Department[V]
) -> str | None:
    """
    Return the id under which somebody knows the journey, if that can be told them.
    """
    if holder.department not in department.key_set.departments:
        return None
    return holder.export if holder.external else journey_id
