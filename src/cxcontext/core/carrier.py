"""
One message's metadata, as far as the propagator sees it.
"""

from __future__ import annotations

import attrs

DEFAULT_VALUE_BYTES = 4096


@attrs.frozen(kw_only=True)
class Limits:
    """
    What one carrier takes.

    Args:
        value_bytes: The longest value; longer ones are not sent and not read. 0
            where there is no room for one more.
        binary: Whether bytes are taken; else the text form is sent.

    .. versionadded:: 0.1.0
    """

    value_bytes: int = DEFAULT_VALUE_BYTES
    binary: bool = False
