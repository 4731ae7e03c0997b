"""
A line, its usual caller, and who guesses there.
"""

from __future__ import annotations

import random

import pytest

from cxcontext.errors import (
    CodeRefusedError,
    LongerCodeError,
)
from cxcontext.homes import Codes
from cxcontext.homes.damm import check_digit
from cxcontext.stores.memory import MemoryStore

PEPPER = b"pepper that the store never sees"
LINE = "+12025550100"
OTHER_LINE = "+12025550101"
NUMBER = "+12025550123"
OTHER_NUMBER = "+442079460123"
REFERENCE = b"\x15\xc0" + bytes(range(100, 128))
CALL = "CA-1"


def codes_on(store, clock, **options):
    """
    Return `Codes` whose digits are the same each time.
    """
    return Codes(
        store,
        pepper=PEPPER,
        clock=clock,
        random=random.Random(7).randbytes,
        **options,
    )


def redeem(codes, digits, *, line=LINE, call=CALL, caller=NUMBER):
    """
    Redeem as the usual caller on the usual line.
    """
    return codes.redeem(str(digits), line=line, call=call, caller=caller)


def unknown(codes, *but):
    """
    Return nine valid digits that are none of *but*.
    """
    taken = {str(code) for code in but}
    for number in range(10**8):
        digits = f"{number:08}"
        digits += check_digit(digits)
        if digits not in taken:
            return digits
    raise AssertionError


def guess(codes, number, *, first=0, line=LINE, caller=None):
    """
    Let *number* unknown codes be refused, one in each call.
    """
    for which in range(first, first + number):
        digits = f"{which:08}"
        with pytest.raises((CodeRefusedError, LongerCodeError)):
            redeem(
                codes,
                digits + check_digit(digits),
                line=line,
                call=f"guess-{which}",
                caller=caller,
            )


class Recorder(MemoryStore):
    """
    A store that remembers what was asked of it.
    """

    def __init__(self):
        super().__init__()
        self.asked = []
        for name in ("load", "replace", "increment", "link", "linked", "unlink"):
            setattr(self, name, self._recording(name, getattr(self, name)))

    def _recording(self, name, method):
        def recording(key, *arguments, **options):
            self.asked.append((name, len(key), *map(len, arguments)))
            return method(key, *arguments, **options)

        return recording
