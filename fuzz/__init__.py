"""
Hostile input, at every door through which bytes come: see ``README.md`` here.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "vectors"

# What makes the vectors is no package that is installed; it forges for us, too.
if str(VECTORS) not in sys.path:
    sys.path.append(str(VECTORS))
