"""
Erasure: who has a journey, forgetting it, and telling everybody who has it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TypeVar

import cxcontext as cx
from cxcontext.errors import UsageError
from cxcontext.homes.customer_keys import CustomerKey
from cxcontext.homes.erased import Erased, SentNotice
from cxcontext.homes.erasing import ONE_MONTH, Erasing
from cxcontext.homes.places import RestingPlace
from cxcontext.homes.secrets import MAX_AGE, AsyncJourneySecrets, JourneySecrets
from cxcontext.homes.who_has import WhoHas
from cxcontext.steps import run, run_async
from cxcontext.typing import AsyncStore, Store

V = TypeVar("V", bound=cx.Vocabulary)


class Erasures:
    """
    Says who has a journey, erases it, and keeps the notices until they are answered.

    Args:
        store: The engine that the home is on.
        pepper: As that of `Home`.
        secrets: Those of this process, of which an erasure lets go at once.
        max_age: The longest that any process remembers a secret, as published.

    Raises:
        UsageError: When the pepper is too short.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: Store,
        *,
        pepper: bytes,
        secrets: JourneySecrets | None = None,
        max_age: timedelta = MAX_AGE,
    ) -> None:
        self._store = store
        self._rules = Erasing.under(pepper, max_age=max_age, secrets=secrets)

    def __repr__(self) -> str:
        return f"<Erasures on {type(self._store).__name__}>"

    def who_has(
        self, place: RestingPlace | str, *, department: cx.Department[V]
    ) -> WhoHas:
        """
        Return who has a journey: the union of the log of hand-overs and the trail.

        Args:
            place: Where it rests, or its id.
            department: Who asks. Nothing of the journey is read but its trail.

        Raises:
            RecordTamperedError: When an entry of the log is not one that was noted.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.who_has(_id(place), department), self._store)

    def erase(
        self,
        place: RestingPlace | str,
        *,
        department: cx.Department[V],
        keys: Collection[CustomerKey] = (),
    ) -> Erased:
        """
        Forget a journey, and sign a notice for everybody who has it.

        Its secret, if it has one, is deleted, and so is what rests here: record,
        due times of promises, references that the customer carries, and links from
        *keys*. A tombstone stays, so that nobody brings it home again, and so does
        the log of who was given it. An erasure that was interrupted is done by
        doing it again; nobody is told twice.

        Args:
            place: Where it rests, or its id.
            department: Who erases it, and signs the notices.
            keys: By what the customer may have been found.

        Returns:
            What was done, and the notices to be sent.

        Raises:
            MissingKeyError: When no signing key is usable now.
            RecordTamperedError: When an entry here is not one that was noted.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.erase(_id(place), department, keys), self._store)

    def receive_notice(
        self, raw: bytes, *, department: cx.Department[V]
    ) -> cx.notices.ErasureReceipt:
        """
        Forget the journey of a notice; return the receipt to be sent back.

        Any internal department may tell that it has erased a journey. Who wants
        fewer looks at `cx.notices.verify_notice` first.

        Args:
            raw: What came.
            department: Whom it is for, and who signs the receipt.

        Raises:
            VerificationError: When the notice does not verify; nothing is erased.
            MissingKeyError: When no signing key is usable now.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.receive_notice(raw, department), self._store)

    def receive_receipt(
        self, raw: bytes, *, department: cx.Department[V]
    ) -> cx.notices.ErasureReceipt:
        """
        Keep the receipt of a notice that was sent.

        Raises:
            UnexpectedReceiptError: When it answers no notice to whoever signed it.
            VerificationError: When it does not verify.
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.receive_receipt(raw, department), self._store)

    def notices(
        self, place: RestingPlace | str, *, department: cx.Department[V]
    ) -> tuple[SentNotice, ...]:
        """
        Return all notices about a journey, with the receipts that came.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.notices.about(_id(place), now_s=department.now_s())
        return run(steps, self._store)

    def overdue_notices(
        self, *, department: cx.Department[V], after: timedelta = ONE_MONTH
    ) -> tuple[SentNotice, ...]:
        """
        Return the notices of a department that nobody has answered, oldest first.

        Args:
            department: Who has signed them.
            after: How long after it was made a notice is overdue. 28 days unless
                given: GDPR, article 12(3), gives one month to say what was done.

        Raises:
            UnavailableError: When the store cannot be reached.

        .. versionadded:: 0.1.0
        """
        return run(self._rules.overdue_notices(department, after), self._store)


class AsyncErasures:
    """
    As `Erasures`, on a store whose calls are awaited.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: AsyncStore,
        *,
        pepper: bytes,
        secrets: AsyncJourneySecrets | None = None,
        max_age: timedelta = MAX_AGE,
    ) -> None:
        self._store = store
        self._rules = Erasing.under(pepper, max_age=max_age, secrets=secrets)

    def __repr__(self) -> str:
        return f"<AsyncErasures on {type(self._store).__name__}>"

    async def who_has(
        self, place: RestingPlace | str, *, department: cx.Department[V]
    ) -> WhoHas:
        """
        As `Erasures.who_has`.
        """
        return await run_async(self._rules.who_has(_id(place), department), self._store)

    async def erase(
        self,
        place: RestingPlace | str,
        *,
        department: cx.Department[V],
        keys: Collection[CustomerKey] = (),
    ) -> Erased:
        """
        As `Erasures.erase`.
        """
        steps = self._rules.erase(_id(place), department, keys)
        return await run_async(steps, self._store)

    async def receive_notice(
        self, raw: bytes, *, department: cx.Department[V]
    ) -> cx.notices.ErasureReceipt:
        """
        As `Erasures.receive_notice`.
        """
        steps = self._rules.receive_notice(raw, department)
        return await run_async(steps, self._store)

    async def receive_receipt(
        self, raw: bytes, *, department: cx.Department[V]
    ) -> cx.notices.ErasureReceipt:
        """
        As `Erasures.receive_receipt`.
        """
        steps = self._rules.receive_receipt(raw, department)
        return await run_async(steps, self._store)

    async def notices(
        self, place: RestingPlace | str, *, department: cx.Department[V]
    ) -> tuple[SentNotice, ...]:
        """
        As `Erasures.notices`.
        """
        steps = self._rules.notices.about(_id(place), now_s=department.now_s())
        return await run_async(steps, self._store)

    async def overdue_notices(
        self, *, department: cx.Department[V], after: timedelta = ONE_MONTH
    ) -> tuple[SentNotice, ...]:
        """
        As `Erasures.overdue_notices`.
        """
        steps = self._rules.overdue_notices(department, after)
        return await run_async(steps, self._store)


def _id(place: RestingPlace | str) -> str:
    if isinstance(place, str):
        # The id alone, or what ``str`` of a place gave.
        text = place if "." in place else f"{place}.0"
        try:
            return RestingPlace.parse(text).journey_id
        except UsageError:
            msg = "neither a journey's id, 32 hexadecimal digits, nor a resting place"
            raise UsageError(msg) from None
    return place.journey_id
