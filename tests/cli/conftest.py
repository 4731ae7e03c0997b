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

import attrs
import pytest

import cxcontext as cx
from cxcontext.cli import main

SENTINEL = "S3NTINEL"
MODULE = """
from datetime import timedelta

import cxcontext as cx

class Wares(cx.Vocabulary, revision=1):
    contact = cx.Scope(1, readers={"sales", "support", "billing"})
    order = cx.Scope(2, readers={"sales", "support", "billing"})
    payment = cx.Scope(3, readers={"billing"}, writers={"sales", "billing"})

    full_name = cx.Field(1, str, scope=contact)
    order_number = cx.Field(2, str, scope=order, max_age=timedelta(days=90))
    card_last4 = cx.Field(3, str, scope=payment)
    product = cx.Field(4, str, scope=order, many=True)
    language = cx.standard.preferred_language(scope=contact, clear=True)

class NotOne:
    Wares = Wares
"""


@attrs.frozen
class Ran:
    """
    How a command ended.
    """

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """
        The one line of its error.
        """
        (line,) = self.err.splitlines()
        return line


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


@attrs.frozen
class Shop:
    """
    The shop's departments, for making envelopes.
    """

    keys: Path
    vocabulary: Any
    domain: cx.TrustDomain[Any]

    def at(self, name: str) -> cx.Department[Any]:
        """
        Return the department.
        """
        held = cx.PrivateKeys.load(self.keys / f"{name}.keys.json")
        return self.domain.department(name, keys=held)

    def journey(self) -> cx.Journey[Any]:
        """
        Return a journey of sales that says what must never be printed.
        """
        wares = self.vocabulary
        journey = self.at("sales").begin(channel="chat")
        journey.learn(wares.order_number, SENTINEL)
        journey.learn(wares.card_last4, SENTINEL)
        journey.learn(wares.product, SENTINEL, qualifier=SENTINEL)
        journey.learn(wares.language, "fr-CA")
        return journey


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
