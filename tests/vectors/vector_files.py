"""
The vectors as files, and what made them on the path.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "vectors"

sys.path.insert(0, str(VECTORS))


def paths_of(kind: str, root: Path = VECTORS) -> list[Path]:
    """
    Return the files of the valid or of the invalid vectors.
    """
    return sorted((root / kind).glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    """
    Return what one file says.
    """
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
