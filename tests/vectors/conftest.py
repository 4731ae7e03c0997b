"""
Each vector for each test that takes one, and all of them made anew.
"""

from __future__ import annotations

from pathlib import Path

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


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return the directory of all files, made anew.
    """
    from make import make  # noqa: PLC0415 - vector_files has put it on the path

    root = tmp_path_factory.mktemp("vectors")
    make(root)
    return root
