"""
Codes that a customer types on a phone, or reads aloud to an agent.

A code leads to a reference, once, within ten minutes. It proves that somebody has
it and nothing more: the journey arrives as `Arrival.POSSESSION`, which is what
`References.redeem` assumes.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import SupportsBytes

from cxcontext.errors import UsageError
from cxcontext.homes.code_limits import CodeLimits, Counting
from cxcontext.homes.code_rules import CodeRules
from cxcontext.homes.handover_code import HandoverCode
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import run, run_async
from cxcontext.typing import AsyncStore, Clock, Random, Store


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _rules(pepper: bytes, limits: CodeLimits | None, random: Random) -> CodeRules:
    kept, limits = Pepper(pepper), limits or CodeLimits()
    return CodeRules(kept, limits, random, Counting(kept, limits))


def _now_s(clock: Clock) -> int:
    now = clock()
    if now.tzinfo is None:
        raise UsageError("the clock tells a naive datetime; let it tell an aware one")
    return int(now.timestamp())


class Codes:
    """
    Issues codes, and redeems each of them once.

    >>> from cxcontext.stores.memory import MemoryStore
    >>> codes = Codes(MemoryStore(), pepper=bytes(32))
    >>> code = codes.issue(bytes(30), line="+12025550100")
    >>> len(codes.redeem(str(code), line="+12025550100", call="CA1"))
    30

    Args:
        store: The engine that keeps the records.
        pepper: As that of `Home`.
        limits: How long codes live, and how often one may be wrong.
        clock: Returns the present instant; the system's, unless given.
        random: The source of the digits.

    Raises:
        UsageError: When the pepper is too short.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: Store,
        *,
        pepper: bytes,
        limits: CodeLimits | None = None,
        clock: Clock = _utc_now,
        random: Random = secrets.token_bytes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rules = _rules(pepper, limits, random)

    def __repr__(self) -> str:
        return f"<Codes on {type(self._store).__name__}>"

    def issue(
        self, reference: SupportsBytes, *, line: str, caller: str | None = None
    ) -> HandoverCode:
        """
        Return a code that leads to a reference from now on.

        No other live code of the line has the same digits, and none that expired
        within a day.

        Args:
            reference: A `Reference`, or its 30 bytes, minted for whoever redeems
                the code.
            line: The number that the customer is to dial, or another name of
                where the code is asked for. Numbers are compared by their digits:
                write them in E.164 at both ends.
            caller: The customer's number in E.164, where it is known. While
                somebody guesses, nine digits are enough from there.

        Raises:
            UsageError: When one of them is not what it is to be.
            UnavailableError: When the store cannot be reached, or so many codes
                are out on this line that no free one was drawn.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.issue(reference, line, caller, now_s=_now_s(self._clock))
        return run(steps, self._store)

    def redeem(
        self, digits: str, *, line: str, call: str, caller: str | None = None
    ) -> bytes:
        """
        Return the 30 bytes of the reference that a code leads to, once.

        Of any number who try at once, one call succeeds. That call gets the same
        answer again for a minute, as platforms repeat their requests.

        Args:
            digits: What was typed: nine digits, or all fifteen; with spaces and
                dashes, or without.
            line: As at `issue`.
            call: What identifies this call, as its platform has authenticated it:
                the platform's call id, never a header's value.
            caller: The number that calls, as the platform states it; None, or a
                word without digits, where it is withheld.

        Raises:
            CodeMistypedError: Ask once more; it counts as a try.
            CodeRefusedError: It never was, has expired or was used.
            LongerCodeError: Somebody is guessing, and this caller's number is not
                known to be the customer's: ask for all fifteen digits.
            TriesExhaustedError: Go on without a code.
            RecordTamperedError: The store returned something else.
            UsageError: When line or call is empty.
            UnavailableError: When the store cannot be reached. The code may have
                been used then; this call may try again for a minute.

        .. versionadded:: 0.1.0
        """
        now_s = _now_s(self._clock)
        steps = self._rules.redeem(digits, line, call, caller, now_s=now_s)
        return run(steps, self._store)

    def asks_for_more(self, *, line: str, caller: str | None = None) -> bool:
        """
        Say whether somebody is guessing, so that nine digits may not be enough.

        For the prompt, which can ask for fifteen at once, and for whoever watches
        over the line.

        Args:
            line: As at `issue`.
            caller: As at `redeem`: callers without a number have an alarm of
                their own, besides the line's and that of all lines.

        .. versionadded:: 0.1.0
        """
        steps = self._rules.alarmed(line, caller, now_s=_now_s(self._clock))
        return run(steps, self._store)


class AsyncCodes:
    """
    As `Codes`, on a store that is awaited.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: AsyncStore,
        *,
        pepper: bytes,
        limits: CodeLimits | None = None,
        clock: Clock = _utc_now,
        random: Random = secrets.token_bytes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rules = _rules(pepper, limits, random)

    def __repr__(self) -> str:
        return f"<AsyncCodes on {type(self._store).__name__}>"

    async def issue(
        self, reference: SupportsBytes, *, line: str, caller: str | None = None
    ) -> HandoverCode:
        """
        As `Codes.issue`.
        """
        steps = self._rules.issue(reference, line, caller, now_s=_now_s(self._clock))
        return await run_async(steps, self._store)

    async def redeem(
        self, digits: str, *, line: str, call: str, caller: str | None = None
    ) -> bytes:
        """
        As `Codes.redeem`.
        """
        now_s = _now_s(self._clock)
        steps = self._rules.redeem(digits, line, call, caller, now_s=now_s)
        return await run_async(steps, self._store)

    async def asks_for_more(self, *, line: str, caller: str | None = None) -> bool:
        """
        As `Codes.asks_for_more`.
        """
        steps = self._rules.alarmed(line, caller, now_s=_now_s(self._clock))
        return await run_async(steps, self._store)
