"""
What an adapter does where its library is not installed.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from typing import ClassVar

from cxcontext.testing.shop import ensure

_PROGRAM = """
import importlib, sys
library, module = sys.argv[1:]
sys.modules[library] = None
import cxcontext
try:
    importlib.import_module(module)
except ImportError as problem:
    print((problem.name or "").partition(".")[0])
else:
    print("imported")
"""


class ImportContract:
    """
    For every adapter: nobody who does not use it needs its library.

    Attributes:
        module: The adapter's module, by its full name.
        library: The package that it adapts to; None where it imports none.

    .. versionadded:: 0.1.0
    """

    module: ClassVar[str]
    library: ClassVar[str | None] = None

    def test_without_its_library_the_rest_can_be_imported(self) -> None:
        """
        The face needs no adapter's library; the adapter imports, or names what it
        lacks.
        """
        library = self.library or "no_library_at_all"
        printed = _printed(library, self.module)
        lacks = {"imported", self.library} if self.library else {"imported"}
        ensure(printed in lacks, f"importing {self.module} gave: {printed}")


@cache
def _printed(library: str, module: str) -> str:
    return subprocess.run(  # noqa: S603 - this interpreter, and names of ours
        [sys.executable, "-c", _PROGRAM, library, module],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
