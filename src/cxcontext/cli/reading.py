"""
What the commands read: modules, vocabularies, key sets, envelopes.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from argparse import Namespace
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from cxcontext.cli.arguments import CommandError
from cxcontext.core import key_json
from cxcontext.core.domain import TrustDomain
from cxcontext.core.envelope import TEXT_PREFIX
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.core.limits import MAX_ENVELOPE_BYTES
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.core.vocabulary_file import vocabulary_from_json
from cxcontext.errors import KeySetError, VocabularyError

# The text form with some white space around it. One byte more is refused later.
_MOST_BYTES: Final = 2 * MAX_ENVELOPE_BYTES


def read_envelope(arguments: Namespace) -> bytes:
    """
    Return the envelope that the arguments name, in whichever form it is.
    """
    given, file = arguments.envelope, arguments.file
    if given is not None and file is not None:
        raise CommandError("an envelope and --file were given; give one of them")
    if given is not None and given.startswith("@"):
        file = given[1:]
    if file is not None:
        with Path(file).open("rb") as opened:
            raw = opened.read(_MOST_BYTES)
    elif given is None or given == "-":
        raw = _standard_input(asked_for=given is not None)
    elif given.startswith(TEXT_PREFIX):
        raw = given.encode("utf-8", "surrogateescape")
    else:
        msg = "ENVELOPE does not begin with cx1.; write @FILE for a file, or pipe it in"
        raise CommandError(msg)
    text = raw.strip()
    return text if text.startswith(TEXT_PREFIX.encode()) else raw


def _standard_input(*, asked_for: bool) -> bytes:
    if sys.stdin is None or (sys.stdin.isatty() and not asked_for):
        raise CommandError("no envelope; give its text, @FILE, or pipe it in")
    return sys.stdin.buffer.read(_MOST_BYTES)


def read_key_set(path: str, *, pin: str | None = None) -> KeySet:
    """
    Return the public key set in a file.
    """
    try:
        return KeySet.load(path, pin=pin)
    except KeySetError as error:
        raise CommandError(f"{path}: {error}") from None


def read_private_keys(path: str) -> PrivateKeys:
    """
    Return a department's private keys in a file.
    """
    try:
        return PrivateKeys.load(path)
    except KeySetError as error:
        raise CommandError(f"{path}: {error}") from None


def read_vocabulary(named: str) -> type[Vocabulary]:
    """
    Return the vocabulary that ``MODULE:CLASS`` or a file holds.
    """
    if named.endswith(".json") or Path(named).is_file():
        try:
            return vocabulary_from_json(key_json.read(named))
        except VocabularyError as error:
            raise CommandError(f"{named}: {error}") from None
    found = named_attribute(named)
    vocabulary: Any = found.vocabulary if isinstance(found, TrustDomain) else found
    is_one = isinstance(vocabulary, type) and issubclass(vocabulary, Vocabulary)
    if not is_one:
        msg = f"{named} is no vocabulary; name a class that is derived from Vocabulary"
        raise CommandError(msg)
    made: type[Vocabulary] = vocabulary
    return made


def named_attribute(named: str) -> Any:
    """
    Return what ``MODULE:NAME`` names, also with a file ``MODULE.py`` right here.
    """
    module_name, _, path = named.partition(":")
    if not module_name or not path:
        msg = f"{named} is neither a file nor MODULE:NAME, such as acme:Acme"
        raise CommandError(msg)
    module, missing = _module(module_name)
    found: Any = module
    for name in path.split("."):
        if not hasattr(found, name):
            msg = f"{module_name} has no {path}; correct the name"
            if missing is not None:
                msg = (
                    f"{module_name} loads {missing}, which is not there yet, before "
                    f"{path} is made; name its vocabulary class instead"
                )
            raise CommandError(msg)
        found = getattr(found, name)
    return found


def _module(name: str) -> tuple[ModuleType, str | None]:
    """
    Return the module, and the file for want of which it is not complete.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        try:
            return importlib.import_module(name), None
        except FileNotFoundError as error:
            return _begun(name), error.filename
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            msg = f"no module {name} here or installed; run this beside {name}.py"
            raise CommandError(msg) from None
        raise CommandError(f"importing {name}: {error}; install that first") from None
    # A module may raise anything, or end the process.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        msg = (
            f"importing {name} raised {type(error).__name__}: {error}; correct it first"
        )
        raise CommandError(" ".join(msg.split())) from None


def _begun(name: str) -> ModuleType:
    """
    Return the module as far as it comes without the file that it misses.

    The module that defines a vocabulary may also load the domain's key set, and
    to make the very first keys one needs the vocabulary.
    """
    spec: Any = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with suppress(FileNotFoundError):
        spec.loader.exec_module(module)
    return module
