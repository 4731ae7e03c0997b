"""
How often somebody may be wrong, and what happens then.

Two kinds of limit. A call and a known caller are *stopped*: that touches nobody
else. What many share, a line, all lines, and the callers who withhold their
number, is never stopped but *alarmed*: as long as the alarm lasts, nine digits
are enough only from the number that the code was issued for, and everybody else
types the code's further six. So whoever guesses can make honest callers type
more, and never shut them out, and an alarm that rings for nothing costs little.

Only guesses ring it: well-formed codes that were not out on that line within a
day. Who comes too late or twice is no guesser, and a mistyped code could not have
been one.
"""

from __future__ import annotations

import json
import unicodedata
from datetime import timedelta
from typing import Final

import attrs

from cxcontext.errors import UsageError
from cxcontext.hiding import unshown
from cxcontext.homes.pepper import Pepper
from cxcontext.steps import Steps

_RUNG: Final = b"rung"
# Others give theirs back at the same time; one that is lost is one try less.
_TRIES: Final = 3
_COUNT_BYTES: Final = 4
_TO_KEYPAD: Final = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999"
)
# Some platforms spell on a keypad, as a caller's number, that there is none. Taken
# for a number it would be one caller, whose limit stops all who withhold theirs.
_NO_NUMBER: Final = frozenset(
    word.translate(_TO_KEYPAD)
    for word in ("ANONYMOUS", "BLOCKED", "RESTRICTED", "UNAVAILABLE", "UNKNOWN")
)


def _count(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if not isinstance(value, int) or value < 1:
        raise UsageError(f"{attribute.name} is a whole number from 1")


def _span(_: object, attribute: attrs.Attribute[timedelta], value: timedelta) -> None:
    if not isinstance(value, timedelta) or value < timedelta(seconds=1):
        raise UsageError(f"{attribute.name} is a timedelta of a second or longer")


@attrs.frozen(kw_only=True)
class CodeLimits:
    """
    The numbers that codes live by.

    Unless another source is named, a default is that of the telephony notes, C3:
    with 200 codes out, a guess succeeds with probability 2e-6.

    Attributes:
        lifetime: How long a code can be redeemed.
        rest: How long after that nobody is given the same one.
        same_call: How long the call that redeemed a code gets the same answer:
            platforms deliver their requests more than once.
        per_call: Tries in one call, good and bad.
        per_caller: Bad tries from one number within *caller_window*.
        caller_window: That time. Windows are fixed, so at the turn of one there
            may be twice as many.
        withheld_guesses: Guesses within *caller_window* by callers without a number,
            taken together, that ring the alarm for them. C3's one shared bucket;
            that it rings and does not stop is ours.
        line_guesses: Guesses on one line within *guess_window* that ring the alarm
            there. Ours: 20 an hour succeed with probability 4e-5.
        all_guesses: The same for all lines together. Ours: five lines' worth.
        guess_window: That time, and how long an alarm lasts. Ours.
        answer_after: How long after the question a refusal is to be told. Ours:
            longer than any store takes, shorter than a caller's patience.

    Raises:
        UsageError: When one is less than 1, or than one second.

    .. versionadded:: 0.1.0
    """

    lifetime: timedelta = attrs.field(default=timedelta(minutes=10), validator=_span)
    rest: timedelta = attrs.field(default=timedelta(hours=24), validator=_span)
    same_call: timedelta = attrs.field(default=timedelta(seconds=60), validator=_span)
    per_call: int = attrs.field(default=3, validator=_count)
    per_caller: int = attrs.field(default=5, validator=_count)
    caller_window: timedelta = attrs.field(
        default=timedelta(minutes=15), validator=_span
    )
    withheld_guesses: int = attrs.field(default=5, validator=_count)
    line_guesses: int = attrs.field(default=20, validator=_count)
    all_guesses: int = attrs.field(default=100, validator=_count)
    guess_window: timedelta = attrs.field(default=timedelta(hours=1), validator=_span)
    answer_after: timedelta = attrs.field(default=timedelta(seconds=1), validator=_span)


def seconds(span: timedelta) -> int:
    """
    Return a span in whole seconds.
    """
    return int(span.total_seconds())


def packed(*parts: str) -> bytes:
    """
    Return *parts* so that no others give the same.
    """
    # Escaped, so that whatever a platform took for text can be encoded.
    return json.dumps(parts).encode()


def number_of(caller: str | None) -> str | None:
    """
    Return the digits of a caller's number; None if there is none, or it is withheld.
    """
    text = unicodedata.normalize("NFKC", caller or "").partition("@")[0]
    digits = "".join(str(unicodedata.decimal(c)) for c in text if c.isdecimal())
    # 00 and + are the same before a country, and all zeros are nobody.
    digits = digits.lstrip("0")
    return None if digits in _NO_NUMBER else digits or None


def line_of(line: str) -> str:
    """
    Return one spelling of a line's number, or its name as it is.

    Raises:
        UsageError: When nothing is left.
    """
    text = line.strip()
    if not any(char.isalpha() for char in text):
        text = number_of(text) or ""
    if not text:
        raise UsageError("name the line: the number that was dialled")
    return text


def dialled_line_of(line: str) -> str:
    """
    Return what `line_of` does, and what somebody dialled that is no line as it is.

    No code was ever issued for that one, so none is found.

    Raises:
        UsageError: When it is empty.
    """
    if not line:
        raise UsageError("name the line: the number that was dialled")
    try:
        return line_of(line)
    except UsageError:
        return line


@attrs.frozen(repr=False, field_transformer=unshown)
class Counting:
    """
    Counts tries, and rings the alarms.
    """

    pepper: Pepper
    limits: CodeLimits

    # --- who is stopped --------------------------------------------------------

    def in_call(self, call: str, *, now_s: int) -> Steps[bool]:
        """
        Count a try, and say whether the call has any left.
        """
        key = self.pepper.lookup("code/call", packed(call))
        # No call has new tries while a code is out that it has guessed at.
        expires_s = now_s + seconds(self.limits.lifetime + self.limits.guess_window)
        tries: int = yield lambda store: store.increment(
            key, now_s=now_s, expires_s=expires_s
        )
        return tries <= self.limits.per_call

    def by_caller(self, number: str, *, now_s: int) -> Steps[bool]:
        """
        Count a try, and say whether the caller has any left.

        Counted before it is judged, so that calls at the same moment do not all
        find one try left; `give_back` takes it off again.
        """
        tried, good, expires_s = self._caller_keys(number, now_s)
        tries: int = yield lambda store: store.increment(
            tried, now_s=now_s, expires_s=expires_s
        )
        found = yield lambda store: store.load(good, now_s=now_s)
        given = 0 if found is None else int.from_bytes(found[1])
        return tries - given <= self.limits.per_caller

    def give_back(self, number: str, *, now_s: int) -> Steps[None]:
        """
        Let a good try not have counted: many may call from one switchboard.
        """
        _, good, expires_s = self._caller_keys(number, now_s)
        for _ in range(_TRIES):
            found = yield lambda store: store.load(good, now_s=now_s)
            version, given = (
                (None, 0) if found is None else (found[0], int.from_bytes(found[1]))
            )
            done = yield lambda store: store.replace(
                good,
                (given + 1).to_bytes(_COUNT_BYTES),  # noqa: B023
                version=version,  # noqa: B023
                now_s=now_s,
                expires_s=expires_s,
            )
            if done:
                return

    def _caller_keys(self, number: str, now_s: int) -> tuple[bytes, bytes, int]:
        # Both counts end together, so that nothing is given back to a later window.
        window_s = seconds(self.limits.caller_window)
        window = now_s // window_s
        what = packed(number, str(window))
        tried = self.pepper.lookup("code/caller/tried", what)
        good = self.pepper.lookup("code/caller/good", what)
        return tried, good, (window + 1) * window_s

    # --- what is alarmed --------------------------------------------------------

    def alarmed(self, line: str, number: str | None, *, now_s: int) -> Steps[bool]:
        """
        Say whether nine digits are not enough from here.
        """
        rings = False
        for name, _, _ in self._alarms(line, number):
            key = self.pepper.lookup("code/alarm", name)
            found = yield lambda store: store.load(key, now_s=now_s)  # noqa: B023
            rings = rings or found is not None
        return rings

    def missed(
        self, line: str, number: str | None, *, guess: bool, now_s: int
    ) -> Steps[None]:
        """
        Count a code that was refused, and ring the alarm if that is one too many.

        One that was no guess is counted too, elsewhere: a refusal takes the same
        steps whatever it was for.
        """
        for name, limit, window_s in self._alarms(line, number):
            kind = "code/guessed" if guess else "code/late"
            key = self.pepper.lookup(kind, name)
            expires_s = now_s + window_s
            count: int = yield lambda store: store.increment(
                key,  # noqa: B023
                now_s=now_s,
                expires_s=expires_s,  # noqa: B023
            )
            # Each so many guesses more, it rings for longer.
            if guess and count % limit == 0:
                yield from self._ring(name, now_s=now_s, expires_s=expires_s)

    def _ring(self, name: bytes, *, now_s: int, expires_s: int) -> Steps[None]:
        key = self.pepper.lookup("code/alarm", name)
        found = yield lambda store: store.load(key, now_s=now_s)
        version = None if found is None else found[0]
        # If somebody else rings it now, it rings.
        yield lambda store: store.replace(
            key, _RUNG, version=version, now_s=now_s, expires_s=expires_s
        )

    def _alarms(
        self, line: str, number: str | None
    ) -> tuple[tuple[bytes, int, int], ...]:
        window_s = seconds(self.limits.guess_window)
        shared = (
            (packed("line", line), self.limits.line_guesses, window_s),
            (packed("all"), self.limits.all_guesses, window_s),
        )
        if number is not None:
            return shared
        window_s = seconds(self.limits.caller_window)
        return *shared, (packed("withheld"), self.limits.withheld_guesses, window_s)
