"""
Every limit of the format, with its name (protocol, section 2).

They hold when an envelope is decoded and when journeys are merged alike.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MAX_ENVELOPE_BYTES: Final = 256 * 1024
MAX_STATEMENTS: Final = 256
MAX_HEADS: Final = 32
MAX_PARENTS: Final = 16
MAX_SCOPES: Final = 16
MAX_PROTECTED_BYTES: Final = 4 * 1024
MAX_SECTION_BYTES: Final = 16 * 1024
MAX_NESTING: Final = 16
MAX_ITEMS: Final = 4096
MAX_MAP_ENTRIES: Final = 64
MAX_CLEAR_BYTES: Final = 32
MAX_CHANNEL_CHARS: Final = 32
MAX_QUALIFIER_CHARS: Final = 64
MAX_DECIMAL_EXPONENT: Final = 64
MAX_SEALED_BYTES: Final = MAX_SECTION_BYTES + 2048  # the largest KEM output and the tag
SECTION_PADDING_BYTES: Final = 32
CLOCK_LEEWAY_SECONDS: Final = 60
DELIVERY_LIFETIME: Final = timedelta(seconds=300)
STATEMENT_LIFETIME: Final = timedelta(days=90)

# A journey says that it is getting full while there is still room to act.
NEARLY_FULL_STATEMENTS: Final = 224

# Telephony notes, C2: 30 bytes in base32, which every carrier takes.
REFERENCE_CHARS: Final = 48
