"""
The rules of codes: issue, redeem once, refuse alike.

A code leads to a record that is sealed under the code itself; using it is one
compare-and-set. Whether a code never was, has expired or was used, the same steps
are taken on the store and the same error is raised, to be told at the same time.
"""

from __future__ import annotations

import hmac
import struct
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, SupportsBytes

import attrs

from cxcontext.errors import (
    CodeMistypedError,
    CodeRefusedError,
    LongerCodeError,
    RecordTamperedError,
    TriesExhaustedError,
    UnavailableError,
    UsageError,
)
from cxcontext.hiding import unshown
from cxcontext.homes.bearer_seal import BearerPlace, bearer_place
from cxcontext.homes.code_limits import (
    CodeLimits,
    Counting,
    dialled_line_of,
    line_of,
    number_of,
    packed,
    seconds,
)
from cxcontext.homes.found import raw_bytes
from cxcontext.homes.handover_code import SHORT_DIGITS, HandoverCode, Typed, draw, parse
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import Steps
from cxcontext.typing import Random

# With a million codes out or resting, one draw in a hundred is taken.
MAX_DRAWS: Final = 100
# Of one size whatever is in it: nothing shows that a code was used.
_STATE: Final = struct.Struct(">30s6sQ32sQ32s")
_NOBODY: Final = bytes(32)
_NOTHING: Final = bytes(_STATE.size + 16)


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class _State:
    reference: bytes
    further: bytes
    expires_s: int
    # Whose number it was issued for; where it was used, and when (0: not yet).
    number: bytes
    used_s: int = 0
    call: bytes = _NOBODY

    def pack(self) -> bytes:
        return _STATE.pack(*attrs.astuple(self))

    @classmethod
    def unpack(cls, data: bytes) -> _State:
        reference, further, expires_s, number, used_s, call = _STATE.unpack(data)
        return cls(
            reference=reference,
            further=further,
            expires_s=expires_s,
            number=number,
            used_s=used_s,
            call=call,
        )


@attrs.frozen(repr=False, field_transformer=unshown)
class CodeRules:
    """
    The rules, for either kind of `Codes`.
    """

    pepper: Pepper
    limits: CodeLimits
    random: Random
    counting: Counting

    # --- giving out ------------------------------------------------------------

    def issue(
        self, reference: SupportsBytes, line: str, caller: str | None, *, now_s: int
    ) -> Steps[HandoverCode]:
        """
        As `Codes.issue`.
        """
        raw, line = raw_bytes(reference), line_of(line)
        expires_s = now_s + seconds(self.limits.lifetime)
        for _ in range(MAX_DRAWS):
            digits = draw(self.random)
            place = self._place(line, digits[:SHORT_DIGITS])
            state = _State(
                reference=raw,
                further=digits[SHORT_DIGITS:].encode(),
                expires_s=expires_s,
                number=self._number(number_of(caller)),
            )
            sealed = place.seal(state.pack())
            # What rests is still there, so nobody is given it again.
            free = yield lambda store: store.replace(
                place.lookup,  # noqa: B023
                sealed,  # noqa: B023
                version=None,
                now_s=now_s,
                expires_s=expires_s + seconds(self.limits.rest),
            )
            if free:
                expires_at = datetime.fromtimestamp(expires_s, UTC)
                return HandoverCode(long=digits, expires_at=expires_at)
        raise UnavailableError("a code that nobody has on this line")

    # --- taking in -------------------------------------------------------------

    def redeem(
        self, digits: str, line: str, call: str, caller: str | None, *, now_s: int
    ) -> Steps[bytes]:
        """
        As `Codes.redeem`.
        """
        if not call:
            raise UsageError("name the call: all calls without a name would be one")
        line, number = dialled_line_of(line), number_of(caller)
        call_left = yield from self.counting.in_call(call, now_s=now_s)
        caller_left = True
        if number is not None:
            caller_left = yield from self.counting.by_caller(number, now_s=now_s)
        typed = parse(digits)
        answer = None
        if typed is not None:
            left = call_left and caller_left
            answer = yield from self._answer(
                typed, line, call, number, left=left, now_s=now_s
            )
        if answer is not None:
            if number is not None:
                # The code is used: what is lost here must not lose the answer.
                with suppress(UnavailableError):
                    yield from self.counting.give_back(number, now_s=now_s)
            return answer
        if not call_left:
            raise TriesExhaustedError("in this call")
        if not caller_left:
            raise TriesExhaustedError("by this caller")
        if typed is None:
            raise CodeMistypedError
        raise CodeRefusedError(seconds(self.limits.answer_after))

    def alarmed(self, line: str, caller: str | None, *, now_s: int) -> Steps[bool]:
        """
        As `Codes.asks_for_more`.
        """
        number = number_of(caller)
        return self.counting.alarmed(dialled_line_of(line), number, now_s=now_s)

    def _answer(
        self,
        typed: Typed,
        line: str,
        call: str,
        number: str | None,
        *,
        left: bool,
        now_s: int,
    ) -> Steps[bytes | None]:
        place = self._place(line, typed.short)
        caller = self._number(number)
        here = self.pepper.lookup("code/leg", packed(call))
        found = yield lambda store: store.load(place.lookup, now_s=now_s)
        state = _opened(place, found)
        if state is not None and self._same_call(state, here, now_s):
            return state.reference
        if not left:
            return None
        # Read after the record, so that guesses at the same moment are seen.
        alarmed = yield from self.counting.alarmed(line, number, now_s=now_s)
        if found is not None and state is not None and _live(state, now_s):
            if typed.further is not None:
                entitled = hmac.compare_digest(typed.further.encode(), state.further)
            else:
                entitled = not alarmed or (
                    number is not None and hmac.compare_digest(caller, state.number)
                )
            if entitled:
                used = attrs.evolve(state, used_s=now_s, call=here)
                expires_s = state.expires_s + seconds(self.limits.rest)
                sealed = place.seal(used.pack())
                done = yield lambda store: store.replace(
                    place.lookup,
                    sealed,
                    version=found[0],
                    now_s=now_s,
                    expires_s=expires_s,
                )
                if done:
                    return used.reference
                # Another was first; or the same request, delivered twice.
                found = yield lambda store: store.load(place.lookup, now_s=now_s)
                state = _opened(place, found)
                if state is not None and self._same_call(state, here, now_s):
                    return state.reference
            guess = typed.further is not None and not entitled
        else:
            guess = state is None
        yield from self.counting.missed(line, number, guess=guess, now_s=now_s)
        if alarmed and typed.further is None:
            raise LongerCodeError(seconds(self.limits.answer_after))
        return None

    def _place(self, line: str, short: str) -> BearerPlace:
        return bearer_place(self.pepper, "code", packed(line, short))

    def _number(self, number: str | None) -> bytes:
        if number is None:
            return _NOBODY
        return self.pepper.lookup("code/number", packed(number))

    def _same_call(self, state: _State, here: bytes, now_s: int) -> bool:
        age_s = now_s - state.used_s
        return hmac.compare_digest(state.call, here) and abs(age_s) <= seconds(
            self.limits.same_call
        )


def _live(state: _State, now_s: int) -> bool:
    return not state.used_s and now_s < state.expires_s


def _opened(place: BearerPlace, found: tuple[int, bytes] | None) -> _State | None:
    # Nothing is opened too, so that it takes as long as something.
    try:
        data = place.open(_NOTHING if found is None else found[1])
    except RecordTamperedError:
        if found is None:
            return None
        raise
    return _State.unpack(data)
