"""
Each vector for each test that takes one.
"""

from __future__ import annotations

import pytest
from vector_files import paths_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Run a test that takes a valid or an invalid vector with each of them.
    """
    for kind in ("valid", "invalid"):
        if kind in metafunc.fixturenames:
            paths = paths_of(kind)
            metafunc.parametrize(kind, paths, ids=[path.stem for path in paths])
