"""
A hundred thousand guessed codes: none leads anywhere, and honest callers get through.

Everything runs on the real rules and a clock that the test moves: four guesses a
second for seven hours, by three kinds of guessers at once. The random numbers are
seeded, so it is the same attack each time.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from fractions import Fraction

import attrs
import pytest
from acme import Clock

from cxcontext.errors import (
    CodeMistypedError,
    CodeRefusedError,
    LongerCodeError,
    TriesExhaustedError,
)
from cxcontext.homes import CodeLimits, Codes
from cxcontext.homes.damm import check_digit
from cxcontext.stores.memory import MemoryStore

GUESSES = 100_000
GUESS_EVERY = timedelta(seconds=0.25)
HONEST_EVERY = 50
LIVE = 200
LINE = "+12025550100"
QUIET_LINE = "+12025550101"
REFERENCE = b"\x15\xc0" + bytes(28)
WINDOW = timedelta(minutes=15)


@attrs.define
class Attack:
    """
    Guessers and honest callers on one line, and what came of it.
    """

    chance: random.Random = attrs.Factory(lambda: random.Random(1234))
    clock: Clock = attrs.Factory(Clock)
    codes: Codes = attrs.field(init=False)
    accepted: int = 0
    answers: Counter = attrs.Factory(Counter)
    # By call, and by caller and window: how many codes were looked at.
    by_call: Counter = attrs.Factory(Counter)
    by_caller: Counter = attrs.Factory(Counter)
    # By hour: how many guesses of nine digits were looked at.
    short: Counter = attrs.Factory(Counter)
    through: Counter = attrs.Factory(Counter)
    honest: int = 0

    def __attrs_post_init__(self):
        self.codes = Codes(
            MemoryStore(),
            pepper=bytes(32),
            clock=self.clock,
            random=self.chance.randbytes,
        )

    def keep_live(self):
        """
        Let there be two hundred codes that somebody was given in the last minutes.
        """
        for which in range(LIVE):
            self.codes.issue(REFERENCE, line=LINE, caller=f"+44207946{which:04}")

    def guess(self, which):
        """
        Guess once more: in an own number, a number made up, or with none.
        """
        kind = which % 3
        call = f"guess-{kind}-{which // 9}"
        caller = None
        if kind == 0:
            caller = f"+12025550{which // 3 % 50 + 100}"
        elif kind == 1:
            caller = f"+447700900{self.chance.randrange(1000):03}"
        digits = f"{self.chance.randrange(10**8):08}"
        digits += check_digit(digits)
        # Every other one knows what an alarm asks for, and guesses that as well.
        if which % 2:
            further = f"{self.chance.randrange(10**5):05}"
            digits += further + check_digit(further)
        answer = self.tried(digits, call=call, caller=caller)
        self.answers[answer] += 1
        if answer == "stopped":
            return
        self.by_call[call] += 1
        if caller is not None:
            self.by_caller[caller, self.clock.now.timestamp() // 900] += 1
        if len(digits) == 9 and answer == "refused":
            self.short[self.clock.now.timestamp() // 3600] += 1

    def tried(self, digits, *, call, caller):
        """
        Say what became of the digits.
        """
        try:
            self.codes.redeem(digits, line=LINE, call=call, caller=caller)
        except CodeRefusedError:
            return "refused"
        except LongerCodeError:
            return "longer"
        except TriesExhaustedError:
            return "stopped"
        self.accepted += 1
        return "accepted"

    def help_somebody(self):
        """
        Let a customer call who has a code: from the number that is known, from
        another, or with none; every fifth mistypes once.
        """
        which = self.honest
        self.honest += 1
        kind = ("known", "other", "withheld", "quiet")[which % 4]
        known = f"+442079460{which % 1000:03}"
        elsewhere = f"+16135550{which // 4 % 100 + 100}"
        caller = {"other": elsewhere, "withheld": None}.get(kind, known)
        line = QUIET_LINE if kind == "quiet" else LINE
        code = self.codes.issue(REFERENCE, line=line, caller=known)
        texts = [str(code), code.long]
        if which % 5 == 0:
            texts.insert(0, str(code)[:-1])
        for text in texts:
            try:
                found = self.codes.redeem(
                    text, line=line, call=f"honest-{which}", caller=caller
                )
            except (CodeMistypedError, LongerCodeError):
                continue
            assert REFERENCE == found
            self.through[kind, len(text)] += 1
            return


@pytest.fixture(scope="module")
def attack():
    """
    The attack, over.
    """
    attack = Attack()
    for which in range(GUESSES):
        if attack.clock.now.timestamp() % 600 == 0:
            attack.keep_live()
        if which % HONEST_EVERY == 0:
            attack.help_somebody()
        attack.guess(which)
        attack.clock.advance(seconds=GUESS_EVERY.total_seconds())
    return attack


class TestAttack:
    """
    What came of a hundred thousand guesses.
    """

    def test_none_was_accepted(self, attack):
        """
        All were refused, sent back for more digits, or stopped.
        """
        assert (0, GUESSES) == (
            attack.accepted,
            sum(attack.answers[kind] for kind in ("refused", "longer", "stopped")),
        )

    def test_every_honest_caller_got_through(self, attack):
        """
        Two thousand: from the known number with nine digits, from others and from
        none with fifteen, on another line with nine, mistyped once or not.
        """
        through = Counter()
        for (kind, _), number in attack.through.items():
            through[kind] += number

        assert (2000, 2000) == (attack.honest, sum(through.values()))
        assert {"known": 500, "other": 500, "withheld": 500, "quiet": 500} == through

    def test_who_calls_from_the_known_number_noticed_nothing(self, attack):
        """
        Nine digits were enough for all of them.
        """
        assert (500, 0) == (attack.through["known", 9], attack.through["known", 15])

    def test_no_call_had_more_than_three(self, attack):
        """
        Over all calls of all guessers.
        """
        assert 3 == max(attack.by_call.values())

    def test_no_caller_had_more_than_five(self, attack):
        """
        Within any quarter of an hour, over all calls from one number.
        """
        assert 5 == max(attack.by_caller.values())

    def test_hardly_any_had_a_chance(self, attack):
        """
        Of the nine digits guessed in an hour no more were compared with the codes
        that were out than the alarm allows for.
        """
        assert 20 >= max(attack.short.values())


def odds(*, live, digits, guesses=1):
    """
    Return the probability that one of *guesses* random codes is live, at most.
    """
    return Fraction(live * guesses, 10**digits)


class TestOdds:
    """
    The table of the telephony notes, C3, computed.
    """

    @pytest.mark.parametrize(
        ("live", "digits", "guesses", "probability"),
        [
            (200, 8, 1, 2e-6),
            (200, 8, 10, 2e-5),
            (5000, 8, 1, 5e-5),
            (200, 6, 1, 2e-4),
            # Our own: an hour on one line, and a hundred thousand under alarm.
            (200, 8, 20, 4e-5),
            (200, 13, 100_000, 2e-6),
        ],
    )
    def test_it_is_what_is_written(self, live, digits, guesses, probability):
        """
        The check digit is computed, so it takes nothing from a guesser's chances.
        """
        found = odds(live=live, digits=digits, guesses=guesses)

        assert Fraction(str(probability)) == found

    def test_the_numbers_are_those_of_the_defaults(self):
        """
        Three, five in a quarter of an hour, ten minutes, a day, a minute.
        """
        limits = CodeLimits()

        assert (
            3,
            5,
            WINDOW,
            timedelta(minutes=10),
            timedelta(days=1),
            timedelta(minutes=1),
            20,
        ) == (
            limits.per_call,
            limits.per_caller,
            limits.caller_window,
            limits.lifetime,
            limits.rest,
            limits.same_call,
            limits.line_guesses,
        )

    def test_fewer_digits_are_guessed(self):
        """
        The same attack on a line with so many codes that one in a thousand guesses
        is right does succeed: the test above can fail.
        """
        clock, chance = Clock(), random.Random(1)

        def drawn(size_bytes):
            # The first five of the eight digits are always zeros.
            return (chance.randrange(10**3) * 10**5).to_bytes(size_bytes)

        codes = Codes(
            MemoryStore(),
            pepper=bytes(32),
            clock=clock,
            limits=CodeLimits(
                line_guesses=10**6, all_guesses=10**6, withheld_guesses=10**6
            ),
            random=drawn,
        )
        for _ in range(10):
            codes.issue(REFERENCE, line=LINE)
        accepted = 0
        for which in range(1000):
            digits = f"{chance.randrange(10**3):08}"
            try:
                codes.redeem(
                    digits + check_digit(digits), line=LINE, call=f"call-{which}"
                )
                accepted += 1
            except CodeRefusedError:
                pass

        assert accepted > 0
