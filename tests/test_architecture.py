"""
The house: who imports whom, what the face shows, what every error can do.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import pickle
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest

import cxcontext as cx
from cxcontext import errors, homes

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cxcontext"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# What may be imported from where: the rooms, in the order of design, section 4.
GROUND = ("errors", "hiding", "pickling", "steps", "typing")
ADAPTERS = (
    "stores",
    "web",
    "queues",
    "telephony",
    "agents",
    "observing",
    "testing",
)
# Rules that need a store. What is public of them, the package lists.
HOMES = ("homes",)
PROGRAMS = ("cli", "demo", "examples")
# One protocol's rules, pure functions: adapters of any room may use them.
BINDINGS = frozenset(
    {
        "cxcontext.observing.attributes",
        "cxcontext.observing.redaction",
        "cxcontext.queues.carriers",
        "cxcontext.queues.messages",
        "cxcontext.queues.mqtt",
        "cxcontext.stores.postgres_statements",
        "cxcontext.stores.redis_commands",
        "cxcontext.telephony.agi",
        "cxcontext.telephony.call_server",
        "cxcontext.telephony.event_socket",
        "cxcontext.telephony.platforms",
        "cxcontext.telephony.refer_to",
        "cxcontext.telephony.resolver_client",
        "cxcontext.telephony.resolver_openapi",
        "cxcontext.telephony.resolver_request",
        "cxcontext.telephony.rung",
        "cxcontext.telephony.sip",
        "cxcontext.telephony.user_to_user",
        "cxcontext.telephony.view",
        "cxcontext.telephony.webhook",
        "cxcontext.web.grpc_metadata",
        "cxcontext.web.http",
    }
)
# What every platform of telephony shares: how a call's journey is found and handed on.
CALLS = frozenset(
    {
        "cxcontext.telephony.events",
        "cxcontext.telephony.ladder",
        "cxcontext.telephony.transfer",
    }
)
# Whose package is not named as what is installed.
DISTRIBUTIONS = {
    "grpc": "grpcio",
    "nats": "nats-py",
    "opentelemetry": "opentelemetry-api",
    "paho": "paho-mqtt",
}
RUNTIME = frozenset(
    {"attr", "attrs", "cattr", "cattrs", "cbor2", "cryptography", "typing_extensions"}
)
# The one file that is a list, and grows with the format and not with a task.
LISTS = frozenset({"cxcontext.errors"})
MAX_LINES = 600
MAX_MEDIAN_LINES = 275


def name_of(path: Path) -> str:
    """
    Return a file's name as a module.
    """
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(SOURCE.rglob("*.py"))}


def room_of(module: str) -> str:
    """
    Return a module's room: ``"core"``, ``"web"``, or ``""`` for the face.
    """
    return module.partition(".")[2].partition(".")[0]


@cache
def tree_of(module: str) -> ast.Module:
    """
    Return a module, parsed.
    """
    return ast.parse(MODULES[module].read_text())


def imports_of(module: str, *, when_checked: bool = False) -> Iterator[str]:
    """
    Return the modules that *module* imports anywhere, by their full names.

    Args:
        module: Whose imports.
        when_checked: Whether imports for type checkers count, too.
    """
    tree = tree_of(module)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped.update(inner for child in node.body for inner in ast.walk(child))
    for node in ast.walk(tree):
        if node in skipped and not when_checked:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"
            # `from cxcontext.web import http` imports a module, too.
            for alias in node.names:
                if f"{node.module}.{alias.name}" in MODULES:
                    yield f"{node.module}.{alias.name}"


def own(names: Iterator[str]) -> set[str]:
    """
    Return those of *names* that are the library's own.
    """
    return {name for name in names if name.partition(".")[0] == "cxcontext"}


def foreign(names: Iterator[str]) -> set[str]:
    """
    Return the distributions' packages among *names*, but for the standard library.
    """
    tops = {name.partition(".")[0] for name in names}
    return tops - set(sys.stdlib_module_names) - {"cxcontext"}


def in_rooms(*rooms: str) -> list[str]:
    """
    Return the modules of these rooms.
    """
    return [module for module in MODULES if room_of(module) in rooms]


def python(program: str) -> str:
    """
    Return what a fresh interpreter prints.
    """
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout


class TestImports:
    """
    Imports point one way.
    """

    def test_every_room_is_known(self):
        """
        A new folder is given its place here before it is filled.
        """
        rooms = {room_of(module) for module in MODULES}

        assert set() == rooms - {"", "core", *GROUND, *HOMES, *ADAPTERS, *PROGRAMS}

    @pytest.mark.parametrize("module", MODULES)
    def test_imports_are_absolute(self, module):
        """
        Whoever reads a module sees from which room each name is.
        """
        found = imports_of(module, when_checked=True)

        assert [] == [name for name in found if name.startswith(".")]

    @pytest.mark.parametrize("module", in_rooms(*GROUND))
    def test_the_ground_rests_on_nothing(self, module):
        """
        Errors, steps and typing import none of our modules when the program runs.
        """
        assert set() == own(imports_of(module)) - {"cxcontext.errors"}

    @pytest.mark.parametrize("module", in_rooms("core"))
    def test_the_core_rests_on_the_ground(self, module):
        """
        The core imports the core, errors and typing, for type checkers as well.
        """
        found = own(imports_of(module, when_checked=True))

        assert set() == {room_of(name) for name in found} - {"core", *GROUND}

    def test_the_face_shows_the_core(self):
        """
        The face imports the core only, and has no code but imports and a list.
        """
        tree = tree_of("cxcontext")
        kinds = {type(node).__name__ for node in tree.body}

        assert ({"core"}, {"Expr", "ImportFrom", "Assign"}) == (
            {room_of(name) for name in own(imports_of("cxcontext"))},
            kinds,
        )

    @pytest.mark.parametrize("module", in_rooms(*HOMES))
    def test_homes_rest_on_the_face(self, module):
        """
        They import each other, the public face and the ground: no core, no engine.
        """
        found = own(imports_of(module, when_checked=True))

        assert set() == {room_of(name) for name in found} - {"", *HOMES, *GROUND}

    @pytest.mark.parametrize("module", in_rooms(*ADAPTERS))
    def test_an_adapter_could_be_an_outsiders(self, module):
        """
        It imports the public face, the ground and bindings, never another adapter.
        """
        allowed = {"cxcontext", *(f"cxcontext.{name}" for name in GROUND), *BINDINGS}
        # `from cxcontext.web import http` names the folder, in which nothing is.
        allowed |= {binding.rpartition(".")[0] for binding in BINDINGS}
        if room_of(module) == "telephony":
            # A call brings a reference, which only a home redeems.
            allowed |= {"cxcontext.homes", "cxcontext.telephony", *CALLS}
        if room_of(module) == "testing":
            # The kit is one, in several files, and makes no values that are forbidden.
            allowed |= {*in_rooms("testing"), "cxcontext.core.forbidden"}

        assert set() == own(imports_of(module, when_checked=True)) - allowed

    @pytest.mark.parametrize("module", in_rooms(*HOMES, *ADAPTERS))
    def test_an_adapter_uses_public_names_only(self, module):
        """
        What it takes from the face is in the face's list.
        """
        tree = tree_of(module)
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "cx"
        }
        used |= {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "cxcontext"
            for alias in node.names
        }

        assert set() == used - set(cx.__all__)

    @pytest.mark.parametrize("module", in_rooms(*HOMES, *ADAPTERS))
    def test_an_adapter_has_one_library(self, module):
        """
        Besides what is always installed it imports what one extra installs at most,
        with a floor for each.
        """
        libraries = foreign(imports_of(module, when_checked=True)) - RUNTIME
        extras = [
            {re.fullmatch(r"([a-z0-9-]+)>=[\d.]+", line)[1] for line in lines}
            for lines in PROJECT["optional-dependencies"].values()
        ]

        names = {DISTRIBUTIONS.get(n, n.replace("_", "-")) for n in libraries}

        assert any(names <= extra for extra in extras)

    @pytest.mark.parametrize("binding", sorted(BINDINGS))
    def test_a_binding_has_no_library(self, binding):
        """
        A protocol's rules need nothing that is not always installed.
        """
        assert set() == foreign(imports_of(binding, when_checked=True)) - RUNTIME

    @pytest.mark.parametrize("module", in_rooms("", "core", *GROUND))
    def test_what_is_always_there_needs_the_runtime_only(self, module):
        """
        Face, core and ground import the standard library and what is always installed.
        """
        assert set() == foreign(imports_of(module, when_checked=True)) - RUNTIME

    def test_what_is_always_installed_is_declared(self):
        """
        The five dependencies are those that are imported, each with a floor.
        """
        floors = {
            re.fullmatch(r"([a-z0-9-]+)>=[\d.]+", line)[1]
            for line in PROJECT["dependencies"]
        }
        used = {
            name.replace("_", "-")
            for module in in_rooms("", "core", *GROUND)
            for name in foreign(imports_of(module))
        }

        assert floors == used

    @pytest.mark.parametrize("module", in_rooms("core"))
    def test_the_core_does_no_io(self, module):
        """
        It opens no socket, starts no process or loop, and never logs.
        """
        outside = {
            "asyncio",
            "http",
            "logging",
            "multiprocessing",
            "select",
            "smtplib",
            "socket",
            "sqlite3",
            "ssl",
            "subprocess",
            "urllib",
        }

        assert set() == outside & {
            name.partition(".")[0] for name in imports_of(module, when_checked=True)
        }

    def test_importing_the_face_imports_little(self):
        """
        It brings the core and what is always installed: no adapter, no program, no
        library that is optional.
        """
        printed = python(
            "import sys\n"
            "before = set(sys.modules)\n"
            "import cxcontext\n"
            "print(*sorted(set(sys.modules) - before))"
        )
        loaded = set(printed.split())
        tops = {name.partition(".")[0] for name in loaded}
        rooms = {room_of(name) for name in own(iter(loaded))}
        libraries = {
            re.match(r"[a-z0-9]+", line)[0]
            for lines in PROJECT["optional-dependencies"].values()
            for line in lines
        }

        assert ({"", "core", *GROUND}, set()) == (rooms, libraries & tops)

    @pytest.mark.parametrize("module", in_rooms("", *GROUND, *HOMES, *ADAPTERS))
    def test_every_module_can_be_the_first(self, module):
        """
        No import depends on another having been made before, and none prints.
        """
        assert "" == python(f"import {module}")


class TestFiles:
    """
    How the house is furnished.
    """

    @pytest.mark.parametrize("module", MODULES)
    def test_no_file_is_a_drawer_for_anything(self, module):
        """
        Every module is named after what it is.
        """
        drawers = {"utils", "util", "common", "helpers", "helper", "base", "misc"}

        assert set() == drawers & set(module.split("."))

    @pytest.mark.parametrize("module", sorted(set(MODULES) - LISTS))
    def test_a_file_is_read_in_one_sitting(self, module):
        """
        No module is longer than its reader's patience; a list may be.
        """
        assert MAX_LINES >= len(MODULES[module].read_text().splitlines())

    def test_most_files_are_short(self):
        """
        Half of the modules are no longer than those of the libraries we look up to.
        """
        lengths = [len(path.read_text().splitlines()) for path in MODULES.values()]

        assert statistics.median(lengths) <= MAX_MEDIAN_LINES

    @pytest.mark.parametrize("module", in_rooms("core", *HOMES))
    def test_what_is_hidden_has_no_fields_to_show(self, module):
        """
        A class that attrs gave no repr is shown by its fields by nobody else either.
        """
        hidden = [
            attrs.fields(kind)
            for kind in vars(importlib.import_module(module)).values()
            if inspect.isclass(kind)
            and kind.__module__ == module
            and attrs.has(kind)
            and "<attrs generated" not in repr(getattr(kind.__repr__, "__code__", ""))
        ]

        assert [] == [field for fields in hidden for field in fields if field.repr]

    @pytest.mark.parametrize("module", MODULES)
    def test_every_module_says_what_it_is(self, module):
        """
        Each file begins with a docstring, unless it is empty.
        """
        tree = tree_of(module)

        assert not tree.body or ast.get_docstring(tree)


def public_of(module: ModuleType) -> dict[str, Any]:
    """
    Return the public classes and functions that a module defines.
    """
    return {
        name: thing
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__ == module.__name__
    }


SHOWN = {name: getattr(cx, name) for name in cx.__all__}
SHOWN |= {f"standard.{n}": thing for n, thing in public_of(cx.standard).items()}
SHOWN |= {f"homes.{name}": getattr(homes, name) for name in homes.__all__}
SHOWN |= {
    f"{module}.{name}": thing
    for module in in_rooms(*ADAPTERS)
    for name, thing in public_of(importlib.import_module(module)).items()
}


class TestFace:
    """
    What a user sees.
    """

    def test_its_list_is_exactly_what_is_public(self):
        """
        Every public name of the face is in ``__all__``, and nothing else is.
        """
        public = {
            name
            for name, thing in vars(cx).items()
            if not name.startswith("_") and not isinstance(thing, ModuleType)
        }
        modules = {"events", "notices", "standard"}

        assert [*sorted(public | modules, key=_as_ruff_sorts)] == cx.__all__

    def test_a_star_import_gives_the_list(self):
        """
        Whoever imports everything gets what is listed.
        """
        names: dict[str, Any] = {}
        exec("from cxcontext import *", names)  # noqa: S102

        assert set(cx.__all__) == names.keys() - {"__builtins__"}

    @pytest.mark.parametrize("name", SHOWN)
    def test_every_public_name_is_explained(self, name):
        """
        It has a docstring, and except for a module that says since when it is there.
        """
        text = SHOWN[name].__doc__ or ""

        assert text.strip()
        assert isinstance(SHOWN[name], ModuleType) or ".. versionadded:: " in text


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    if name.isupper():
        return 0, name
    return (1 if name[:1].isupper() else 2), name


ERRORS = {
    name: thing
    for name, thing in public_of(errors).items()
    if issubclass(thing, Exception)
}
REFUSALS = {
    name: kind
    for name, kind in ERRORS.items()
    if issubclass(kind, errors.VerificationError)
}
SAMPLES = {
    "str": "sample",
    "int": 7,
    "tuple[str, ...]": ("one", "two"),
    "datetime": datetime(2026, 1, 1, tzinfo=UTC),
}


def sample_of(kind: type[Exception]) -> Exception:
    """
    Return an error of this kind, with an argument for each of its fields.
    """
    if not attrs.has(kind):
        return kind("what went wrong")
    return kind(*(SAMPLES[str(field.type)] for field in attrs.fields(kind)))


def vars_of(problem: Exception) -> dict[str, Any]:
    """
    Return an error's fields; errors are compared by identity, as all exceptions.
    """
    return attrs.asdict(problem) if attrs.has(type(problem)) else {}


class TestErrors:
    """
    What every error can do.
    """

    @pytest.mark.parametrize("kind", ERRORS.values(), ids=ERRORS)
    def test_it_is_one_of_ours(self, kind):
        """
        All have one root, one of three faults, and a name that ends in Error.
        """
        faults = (errors.UsageError, errors.VerificationError, errors.UnavailableError)

        assert kind is errors.CXContextError or issubclass(kind, faults)
        assert kind.__name__.endswith("Error")

    @pytest.mark.parametrize("kind", ERRORS.values(), ids=ERRORS)
    @pytest.mark.parametrize(
        "again",
        [
            lambda problem: pickle.loads(pickle.dumps(problem)),  # noqa: S301
            copy.copy,
            copy.deepcopy,
        ],
        ids=["pickle", "copy", "deepcopy"],
    )
    def test_it_pickles_and_copies(self, kind, again):
        """
        In another process it is the same error with the same message.
        """
        problem = sample_of(kind)
        other = again(problem)

        assert (kind, str(problem), problem.args, vars_of(problem)) == (
            type(other),
            str(other),
            other.args,
            vars_of(other),
        )

    @pytest.mark.parametrize("kind", ERRORS.values(), ids=ERRORS)
    def test_it_says_something(self, kind):
        """
        Its message is a text about its fields, and no object's address.
        """
        problem = sample_of(kind)

        assert (True, False) == (
            bool(str(problem).strip()),
            bool(re.search(r"object at 0x|<class|<function", f"{problem}{problem!r}")),
        )

    @pytest.mark.parametrize("kind", ERRORS.values(), ids=ERRORS)
    def test_it_can_be_raised_with_a_cause_and_a_note(self, kind):
        """
        It is frozen, and yet all that Python does to exceptions can be done to it.
        """
        problem = sample_of(kind)
        cause = LookupError()
        with pytest.raises(kind) as ei:
            raise problem from cause
        ei.value.add_note("seen at the desk")

        assert (cause, ["seen at the desk"]) == (
            ei.value.__cause__,
            ei.value.__notes__,
        )

    @pytest.mark.parametrize("kind", ERRORS.values(), ids=ERRORS)
    def test_it_is_explained(self, kind):
        """
        It has a docstring of its own, which says since when it is there.
        """
        assert ".. versionadded:: " in (vars(kind)["__doc__"] or "")

    @pytest.mark.parametrize("kind", REFUSALS.values(), ids=REFUSALS)
    def test_a_refusal_has_a_code_of_its_own(self, kind):
        """
        The code is in the class, in small letters, and no other class has it.
        """
        same = [name for name, other in REFUSALS.items() if other.code == kind.code]

        assert (True, [kind.__name__], True) == (
            "code" in vars(kind),
            same,
            bool(re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)),
        )
