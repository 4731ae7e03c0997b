"""
A shop in a directory of its own: its module, its keys, an envelope.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shopfront import MODULE, Ran, Shop

import cxcontext as cx
from cxcontext.cli import main


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """
    The directory to be in, with ``wares.py``; what is imported is forgotten after.
    """
    (tmp_path / "wares.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = {*sys.modules}
    yield tmp_path
    for name in {*sys.modules} - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """
    Run a command in this process.
    """

    def run(*arguments: object, stdin: bytes | None = None) -> Ran:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(status, out, err)

    return run


@pytest.fixture
def keys(shop: Path, run: Callable[..., Ran]) -> Path:
    """
    The shop's key files.
    """
    made = run(
        "keys", "init", "wares:Wares", "--domain", "wares.example", "--out", "keys"
    )
    assert 0 == made.status
    return shop / "keys"


@pytest.fixture
def trade(keys: Path) -> Shop:
    """
    The shop at work.
    """
    import wares  # noqa: PLC0415 - it is here only now

    key_set = cx.KeySet.load(keys / "wares.keys.json")
    domain = cx.TrustDomain("wares.example", wares.Wares, keys=key_set)
    return Shop(keys, wares.Wares, domain)


@pytest.fixture
def command(shop: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """
    Run the real command, in a process of its own.
    """

    def command(
        *arguments: object, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
        return subprocess.run(
            [sys.executable, "-m", "cxcontext.cli", *map(str, arguments)],
            cwd=shop,
            capture_output=True,
            timeout=60,
            check=False,
            **{name: value for name, value in options.items() if value is not None},
        )

    return command
