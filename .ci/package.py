"""
Try what users install: the wheel, built once, without the sources beside it.

``python .ci/package.py DIST BARE ALL`` takes a directory with one wheel, and two virtual
environments: in BARE the wheel is installed without any extra, in ALL with all of them.

1. The wheel has the package, its types and nothing else.
2. In BARE the core's tests pass, and every module imports that needs no extra.
3. In ALL every module imports alone, in a process of its own, and loads no other
   adapter's library; dependencies have licences that we may depend on; every document
   is followed in it, from the README to each adapter's page.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# What may be linked to and shipped beside a work under Apache-2.0.
LICENCES: Final = (
    "Apache",
    "BSD",
    "CC0",
    "EPL-2.0",
    "ISC",
    "LGPL",
    "Lesser General Public License",
    "MIT",
    "MPL",
    "Mozilla Public License",
    "PSF",
    "Python Software Foundation",
    "Unlicense",
    "ZPL",
)
# Tests that need nothing but the core, pytest and Hypothesis.
CORE_TESTS: Final = (
    "tests/core/test_delivery.py",
    "tests/core/test_journey_asking.py",
    "tests/core/test_journey_handing_over.py",
    "tests/core/test_journey_learning.py",
    "tests/core/test_journey_reading.py",
    "tests/core/test_verify.py",
    "tests/vectors",
)
# Prints the modules that cannot be imported, and what each lacks.
IMPORTS: Final = """
import importlib, pkgutil, cxcontext
for found in pkgutil.walk_packages(cxcontext.__path__, "cxcontext."):
    if found.name.startswith("cxcontext.demo") or found.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(found.name)
    except ModuleNotFoundError as problem:
        print(found.name, problem.name)
"""
# Prints which distributions each package comes from.
PACKAGES: Final = """
import importlib.metadata, json
found = importlib.metadata.packages_distributions()
print(json.dumps({name: [d.lower() for d in ds] for name, ds in found.items()}))
"""
NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
# Prints which packages a module loads.
ALONE: Final = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def main() -> None:
    """
    Do all of it, or end with the first thing that is not as it should be.
    """
    dist, bare, everything = map(Path, sys.argv[1:])
    (wheel,) = dist.glob("*.whl")
    modules = check_contents(wheel)
    with tempfile.TemporaryDirectory() as directory:
        copy = copied(Path(directory))
        check_bare(bare, copy)
        check_imports(everything, modules)
        check_licences(everything)
        run(
            everything,
            copy,
            "-m",
            "pytest",
            "-q",
            "-n",
            "auto",
            "tests/test_documents.py",
        )


def copied(directory: Path) -> Path:
    """
    Copy the tests and what they read, and not the sources.
    """
    for name in ("tests", "vectors", "docs", "examples"):
        ignored = shutil.ignore_patterns("node_modules", "_build", "__pycache__")
        shutil.copytree(ROOT / name, directory / name, ignore=ignored)
    for name in ("README.md", "CHANGELOG.md", "pyproject.toml"):
        shutil.copy(ROOT / name, directory)
    return directory


def run(environment: Path, directory: Path, *arguments: str) -> str:
    """
    Run Python of an environment, and return what it printed.
    """
    done = subprocess.run(  # noqa: S603 - our own arguments
        [environment.resolve() / "bin" / "python", *arguments],
        cwd=directory,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        print(done.stdout)
        sys.exit(f"{environment.name}: {' '.join(arguments)[:200]} failed")
    return done.stdout


def check_contents(wheel: Path) -> list[str]:
    """
    Check what is in the wheel, and return the names of its modules.
    """
    names = zipfile.ZipFile(wheel).namelist()
    stray = [n for n in names if not n.startswith(("cxcontext/", "cxcontext-"))]
    if stray or "cxcontext/py.typed" not in names:
        sys.exit(f"the wheel has {stray}, or no py.typed")
    modules = [n.removesuffix(".py") for n in names if n.endswith(".py")]
    return sorted(n.removesuffix("/__init__").replace("/", ".") for n in modules)


def check_bare(bare: Path, copy: Path) -> None:
    """
    Check the wheel without any extra.
    """
    for line in run(bare, copy, "-c", IMPORTS).splitlines():
        print(f"  needs an extra: {line}")
        module, lacks = line.split()
        if module.count(".") < 2 or lacks.startswith("cxcontext"):
            sys.exit(f"{module} does not import without {lacks}")
    run(bare, copy, "-m", "pytest", "-q", "-n", "auto", *CORE_TESTS)


def check_imports(everything: Path, modules: list[str]) -> None:
    """
    Check that each module imports by itself, and loads the libraries of one extra.
    """
    packages = json.loads(run(everything, ROOT / ".ci", "-c", PACKAGES))
    of_extra = {
        extra: {
            package
            for package, distributions in packages.items()
            if {NAME.match(r)[0].lower() for r in requirements} & {*distributions}  # type: ignore[index]
        }
        for extra, requirements in PROJECT["optional-dependencies"].items()
    }
    # Many libraries load it by themselves, where it is installed.
    libraries = set[str]().union(*of_extra.values()) - {"opentelemetry"}
    for name in modules:
        if name.startswith(("cxcontext.demo", "cxcontext.cli")):
            continue
        loaded = {*run(everything, ROOT / ".ci", "-c", ALONE, name).split()}
        used = loaded & libraries
        if used and not any(used <= of_one for of_one in of_extra.values()):
            sys.exit(f"{name} loads libraries of several extras: {sorted(used)}")
    print(f"  {len(modules)} modules import alone")


def check_licences(everything: Path) -> None:
    """
    Check that every dependency has a licence that we may depend on.
    """
    print(
        run(
            everything,
            ROOT / ".ci",
            *("-m", "piplicenses", "--from=mixed", "--partial-match"),
            *("--allow-only", ";".join(LICENCES)),
            *("--ignore-packages", "cxcontext"),
        ).splitlines()[0]
    )


if __name__ == "__main__":
    main()
