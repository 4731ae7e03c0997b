"""
The JSON of key files, read strictly and within bounds.

Refused before anything is parsed: more than 1 MiB, nesting that a parser would have
to recurse into, and so many items that what is built of them would be many times
larger than the text. Refused while parsing: duplicate names (RFC 8259,
section 4 leaves their meaning open), ``NaN`` and ``Infinity``, which are not
JSON, and integers beyond 2**53 (RFC 7493, section 2.2). Error messages name
members, never contents. Callers do the I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any, Final, NoReturn, TypeAlias, TypeVar

from cxcontext.core import base64url
from cxcontext.core.numeric_date import LATEST
from cxcontext.errors import KeySetError

MAX_BYTES: Final = 1024 * 1024
MAX_KEYS: Final = 4096
MAX_NESTING: Final = 16
# `MAX_KEYS` with all of their members are fewer.
MAX_ITEMS: Final = 65_536
MAX_INTEGER: Final = 2**53

# json.loads returns what it found; the functions below narrow it.
Members: TypeAlias = Mapping[str, Any]
T = TypeVar("T")

_INTEGER_CHARS: Final = len(str(-MAX_INTEGER))
_MARKS: Final = re.compile(r'\\.|["\[\]{},]', re.DOTALL)


def read(path: str | PathLike[str]) -> bytes:
    """
    Return the file's bytes, one more than `MAX_BYTES` at most.

    Raises:
        OSError: When the file cannot be read.
    """
    with open(path, "rb") as file:  # noqa: PTH123  a PathLike need not be a Path
        return file.read(MAX_BYTES + 1)


def parse(text: str | bytes) -> Members:
    """
    Return the JSON object that *text* is.

    Args:
        text: JSON; if bytes, in UTF-8 (RFC 8259, section 8.1).

    Raises:
        KeySetError: When it is too large, nested more than `MAX_NESTING` deep, has
            more than `MAX_ITEMS`, is not JSON, has a duplicate name or a large
            integer, or is no object.
    """
    if len(text) > MAX_BYTES:
        raise KeySetError(f"more than {MAX_BYTES} bytes; nothing was parsed")
    decoded = _decoded(text)
    _check_size(decoded)
    try:
        found = json.loads(
            decoded,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except ValueError:
        found = None
    # Raised out here, because JSONDecodeError carries the whole text along.
    if not isinstance(found, dict):
        raise KeySetError("the file is not a JSON object")
    return found


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError:
        pass
    # Raised out here, because UnicodeDecodeError carries the bytes along.
    raise KeySetError("the file is not UTF-8")


def _check_size(text: str) -> None:
    depth, items, quoted = 0, 0, False
    for match in _MARKS.finditer(text):
        mark = match[0]
        if mark == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif mark in "]}":
            depth -= 1
        else:
            # An item follows each of these, if not nothing at all.
            items += 1
            depth += mark != ","
            if depth > MAX_NESTING:
                raise KeySetError(f"nested more than {MAX_NESTING} deep")
            if items > MAX_ITEMS:
                raise KeySetError(f"more than {MAX_ITEMS} items")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise KeySetError("a JSON object has two members of one name")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _INTEGER_CHARS or abs(int(digits)) > MAX_INTEGER:
        raise KeySetError("an integer is beyond 2**53")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise KeySetError(f"{name} is not JSON")


@contextmanager
def at(place: str) -> Generator[None, None, None]:
    """
    Say in every `KeySetError` raised within that it was at *place*.
    """
    try:
        yield
    except KeySetError as error:
        what = error.what
    else:
        return
    raise KeySetError(f"{place}: {what}")


def text(members: Members, name: str) -> str:
    """
    Return the member *name*, which must be there and a string.
    """
    value = members.get(name)
    if not isinstance(value, str):
        raise KeySetError(f"{name} is missing or not a string")
    return value


def exactly(members: Members, name: str, expected: str) -> None:
    """
    Return if the member *name* is the string *expected*.
    """
    if text(members, name) != expected:
        raise KeySetError(f"{name} is not {expected}")


def data(members: Members, name: str) -> bytes:
    """
    Return the bytes of the member *name*, which must be strict base64url.
    """
    value = text(members, name)
    try:
        return base64url.decode(value)
    except ValueError:
        pass
    raise KeySetError(f"{name} is not base64url without padding")


def integer(members: Members, name: str, *, most: int = MAX_INTEGER) -> int:
    """
    Return the member *name*, which must be an integer of 0 to *most*.
    """
    value = members.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise KeySetError(f"{name} is missing or not an integer of 0 to {most}")
    return value


def seconds(members: Members, name: str) -> int:
    """
    Return the member *name*, an instant as a NumericDate until the year 9999.
    """
    return integer(members, name, most=LATEST)


def boolean(members: Members, name: str) -> bool:
    """
    Return the member *name*, which must be true or false.
    """
    value = members.get(name)
    if not isinstance(value, bool):
        raise KeySetError(f"{name} is missing or neither true nor false")
    return value


def members_of(value: object) -> Members:
    """
    Return *value*, which must be a JSON object.
    """
    if not isinstance(value, dict):
        raise KeySetError("not a JSON object")
    return value


def each(members: Members, name: str, build: Callable[[Members], T]) -> tuple[T, ...]:
    """
    Return *build* of every object in the list that is the member *name*.

    Raises:
        KeySetError: When it is no list of objects, has more than `MAX_KEYS`, or
            *build* raises it; then it says which one it was.
    """
    values = members.get(name)
    if not isinstance(values, list):
        raise KeySetError(f"{name} is missing or not a list")
    if len(values) > MAX_KEYS:
        raise KeySetError(f"{name} has more than {MAX_KEYS} keys")
    built = []
    for index, value in enumerate(values):
        with at(f"{name}[{index}]"):
            built.append(build(members_of(value)))
    return tuple(built)
