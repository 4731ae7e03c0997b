"""
What is fuzzed, by name. Each module is one surface.
"""

from __future__ import annotations

from fuzz.guard import Target
from fuzz.targets.envelopes import DecodeTarget, ReceiveTarget
from fuzz.targets.insider import InsiderTarget
from fuzz.targets.key_sets import KeySetTarget
from fuzz.targets.plaintext import PlaintextTarget

TARGETS: dict[str, type[Target]] = {
    "decode": DecodeTarget,
    "receive": ReceiveTarget,
    "plaintext": PlaintextTarget,
    "key_sets": KeySetTarget,
    "insider": InsiderTarget,
}
