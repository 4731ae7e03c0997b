"""
The Damm check digit: it catches any one wrong digit, and any two swapped.

The table is the quasigroup of order 10 of H. M. Damm, *Total anti-symmetrische
Quasigruppen* (dissertation, Philipps-Universität Marburg, 2004), page 111, in the
arrangement of P. Fenwick, *Checksums and Error Control* (2014). That has zeros in
its diagonal, so the check digit is the interim digit itself; and as every
computation begins with 0, it is enough that (c * x) * y = (c * y) * x for x = y
only, which the tests try for all thousand.
"""

from __future__ import annotations

from typing import Final

from cxcontext.errors import UsageError

TABLE: Final = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def check_digit(digits: str) -> str:
    """
    Return the digit to append to *digits*; ``"0"`` when they end with theirs.

    >>> check_digit("572"), check_digit("5724")
    ('4', '0')

    Args:
        digits: Any number of the digits 0 to 9.

    Raises:
        UsageError: When something else is among them.

    .. versionadded:: 0.1.0
    """
    if not digits.isascii() or (digits and not digits.isdigit()):
        raise UsageError("a check digit is of the digits 0 to 9 only")
    interim = 0
    for digit in digits:
        interim = TABLE[interim][int(digit)]
    return str(interim)
