"""
The rungs of the ladder: by what the journey of a call was found.
"""

from __future__ import annotations

from enum import Enum


class Rung(Enum):
    """
    By what the journey of a call was found, in the order in which they are tried.

    An operator counts them: where calls begin to be found by `INDEX`, some
    carrier strips headers.

    .. versionadded:: 0.1.0
    """

    USER_TO_USER = "user_to_user"  # RFC 7433
    X_USER_TO_USER = "x_user_to_user"  # as AudioCodes writes it
    X_CUSTOMER_CONTEXT = "x_customer_context"  # ours, and what platforms make of it
    REQUEST_URI = "request_uri"  # in it or in To, where a user agent left it
    INDEX = "index"  # a Replaces, Call-ID or Session-ID that was noted
    VENDOR = "vendor"  # a platform's own id of the call that was noted
    CODE = "code"  # digits that the customer typed
    LINE = "line"  # a number that only this customer was to dial
    CALLER = "caller"  # the caller's number: a hint
