"""
Refuse to be pickled: for what holds keys, or a customer's values.

A pickle is a file or a queue message that nobody encrypts, and it outlives
the key's last day.
"""

from __future__ import annotations

from typing import ClassVar, NoReturn, Self, SupportsIndex

from cxcontext.errors import NotPicklableError


class NotPicklable:
    """
    A frozen value that raises when it is pickled, and is its own copy.

    A subclass sets `pickling_advice`, which ends the message of the error.
    """

    __slots__ = ()

    pickling_advice: ClassVar[str]

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise NotPicklableError(type(self).__name__, self.pickling_advice)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self
