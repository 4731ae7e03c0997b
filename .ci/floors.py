"""
Print the lowest allowed version of every dependency, as constraints for pip.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]

for requirement in [
    *project["dependencies"],
    *(r for extra in project["optional-dependencies"].values() for r in extra),
]:
    print(requirement.replace(">=", "==", 1))
