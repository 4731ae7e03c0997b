"""
base64url without padding, one text per byte string (RFC 4648, section 5).

RFC 7515, section 2 drops the padding. Decoding is strict: the bits that no
byte uses are zero, as RFC 4648, section 3.5 lets a decoder demand, so that
nobody can change a text without changing what it says.
"""

from __future__ import annotations

import base64


def encode(data: bytes) -> str:
    """
    Return *data* as base64url text without padding.
    """
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """
    Return the bytes that *text* stands for.

    Raises:
        ValueError: When *text* is not what `encode` returns for some bytes:
            another alphabet, padding, white space, unused bits that are set.
            The message does not contain the text.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = None
    if data is None or encode(data) != text:
        raise ValueError("not base64url without padding")
    return data
