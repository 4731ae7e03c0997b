"""
Reference pages that are lists of what the code has: modules, errors, limits, commands.

Written whenever the documentation is built, so that none of them can be out of date.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from cxcontext import errors
from cxcontext.cli.command_line import make_parser
from cxcontext.core import limits

# In the order in which somebody meets them.
ROOMS: Final = {
    "cxcontext": "The face",
    "cxcontext.homes": "Homes, references and codes",
    "cxcontext.stores": "Stores",
    "cxcontext.web": "Web and RPC",
    "cxcontext.queues": "Queues, streams and events",
    "cxcontext.telephony": "Telephony",
    "cxcontext.agents": "Agents",
    "cxcontext.observing": "Observing",
    "cxcontext.testing": "For tests",
    "cxcontext.typing": "What users implement",
    "cxcontext.errors": "Errors",
}


def write_pages(directory: Path) -> None:
    """
    Write the pages into *directory*.
    """
    made = directory / "made"
    made.mkdir(exist_ok=True)
    names = []
    for name, title in ROOMS.items():
        room = _imported(name)
        if room is None:
            continue
        page = name.removeprefix("cxcontext").strip(".") or "face"
        _write(made / f"{page}.md", _api(room, title))
        names.append(page)
    _write(made / "error-codes.md", _error_codes())
    _write(made / "limits.md", _limits())
    _write(made / "commands.md", _commands())
    toc = "\n".join(names)
    _write(made / "index.md", f"# API\n\n```{{toctree}}\n{toc}\n```\n")


def _imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    # Sphinx reads again what is newer than it was.
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def _api(room: ModuleType, title: str) -> str:
    parts = [f"# {title}\n"]
    modules = [room]
    # What a package re-exports is documented there; of adapters each has a module.
    if not hasattr(room, "__all__") and hasattr(room, "__path__"):
        found = pkgutil.iter_modules(room.__path__, f"{room.__name__}.")
        modules += [importlib.import_module(m.name) for m in found]
    for module in modules:
        if module is not room:
            parts.append(f"## {module.__name__}\n")
        exclude = ", ".join(_own_only(module))
        lines = [
            "```{eval-rst}",
            f".. automodule:: {module.__name__}",
            "   :members:" if hasattr(module, "__all__") or module is not room else "",
            "   :imported-members:" if hasattr(module, "__all__") else "",
            f"   :exclude-members: {exclude}" if exclude else "",
            "```",
        ]
        parts.append("\n".join(line for line in lines if line) + "\n")
    return "\n".join(parts)


def _own_only(module: ModuleType) -> list[str]:
    # Modules that the face re-exports have their own docstrings.
    names = getattr(module, "__all__", ())
    return [n for n in names if inspect.ismodule(getattr(module, n))]


def _error_codes() -> str:
    lines = [
        "# Error codes",
        "",
        "Every `VerificationError` has a code, the same in every language that implements",
        "the format. Each is also the `code` of the event `Rejected`.",
        "",
        "| code | error | meaning |",
        "|---|---|---|",
    ]
    for error in sorted(_errors(), key=lambda kind: kind.code):
        first = (inspect.getdoc(error) or "").split("\n\n")[0].replace("\n", " ")
        first = first.replace("|", "\\|").replace("``", "`")
        lines.append(f"| `{error.code}` | `{error.__name__}` | {first} |")
    return "\n".join(lines) + "\n"


def _errors() -> Iterator[type[errors.VerificationError]]:
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.VerificationError):
            yield kind


def _limits() -> str:
    lines = [
        "# Limits",
        "",
        "The format's, held to when something is read and when it is written. What each",
        "carrier takes stands in its module.",
        "",
        "| limit | value |",
        "|---|--:|",
    ]
    for name, value in vars(limits).items():
        if name.isupper():
            lines.append(f"| `{name}` | {value} |")
    return "\n".join(lines) + "\n"


def _commands() -> str:
    lines = ["# The command line", ""]
    lines += _command(make_parser(), "cxcontext")
    return "\n".join(lines) + "\n"


def _command(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    parser.prog = name
    yield from (f"## `{name}`", "", "```text", parser.format_help().rstrip(), "```", "")
    for action in parser._subparsers._group_actions if parser._subparsers else ():  # noqa: SLF001
        for verb, child in (action.choices or {}).items():  # type: ignore[union-attr]
            yield from _command(child, f"{name} {verb}")
