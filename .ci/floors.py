"""
Print the lowest allowed version of every dependency, as constraints for pip.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]

for requirement in [
    *project["dependencies"],
    # pytest's floor for users is lower than what our own tests need.
    *(
        requirement
        for extra, requirements in project["optional-dependencies"].items()
        if extra != "testing"
        for requirement in requirements
    ),
]:
    print(requirement.replace(">=", "==", 1))
