"""
Does one customer ever see another's journey? Many requests on real servers find out.

`shop` has keys and vocabulary, `desk` what every handler does and asserts, a file for
each framework serves it, `load` asks, and `python -m bleed` runs it all.
"""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
NOBODY: Final = "nobody"
# Where a server finds its keys.
KEYS_VARIABLE: Final = "BLEED_KEYS"
