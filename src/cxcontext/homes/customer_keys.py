"""
By what a customer is found again: account, phone, e-mail, handle.
"""

from __future__ import annotations

import unicodedata
from enum import Enum

import attrs

from cxcontext.errors import UsageError


class KeyKind(Enum):
    """
    By what a customer is found.

    .. versionadded:: 0.1.0
    """

    ACCOUNT = "account"
    PHONE = "phone"
    EMAIL = "email"
    HANDLE = "handle"


@attrs.frozen
class CustomerKey:
    """
    One thing by which a customer may be found again. Hidden in ``repr``.

    Args:
        kind: What it is.
        value: The account id, E.164 number, e-mail address or handle.

    Raises:
        UsageError: When nothing is left to look up: every caller who withholds
            the number would be the same customer.

    .. versionadded:: 0.1.0
    """

    kind: KeyKind
    value: str = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        if self.normalised().endswith(b":"):
            msg = f"nothing in it is a {self.kind.value}; look nobody up by it"
            raise UsageError(msg)

    def normalised(self) -> bytes:
        """
        Return the spelling that is looked up.
        """
        text = unicodedata.normalize("NFC", self.value).strip()
        if self.kind is KeyKind.PHONE:
            text = unicodedata.normalize("NFKC", text)
            digits = (str(int(c)) if c.isdecimal() else c for c in text)
            text = "".join(c for c in digits if c in "+0123456789")
        elif self.kind in (KeyKind.EMAIL, KeyKind.HANDLE):
            text = text.casefold()
        return f"{self.kind.value}:{text}".encode()
