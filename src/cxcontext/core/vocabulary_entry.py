"""
One JSON object of a vocabulary file, read strictly.

Every member is asked for by name and type, none may be unknown, and lists are
bounded. What is wrong is a `VocabularyError` that says where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from keyword import iskeyword
from typing import Any, Final, NoReturn
from unicodedata import normalize

import attrs

from cxcontext.core import key_json
from cxcontext.errors import KeySetError, VocabularyError

MAX_MEMBERS: Final = 1024  # of one list, map or enumeration

_ANY_OF: Final = re.compile(r"[\x00-\x1f\x7f]+")


def parse_document(text: str | bytes) -> Entry:
    """
    Return the outermost object of a vocabulary file.

    Args:
        text: JSON; if bytes, in UTF-8.

    Raises:
        VocabularyError: As `key_json.parse` refuses: too large, too deep, not
            JSON, a name twice.
    """
    try:
        members = key_json.parse(text)
    except KeySetError as error:
        what = error.what
    else:
        return Entry("", members)
    # Raised out here, for the first error's frames hold the text.
    raise VocabularyError(f"vocabulary file: {what}")


def is_name(name: str) -> bool:
    """
    Whether *name* can be written in a class and after a dot.
    """
    return (
        name.isidentifier()
        and not iskeyword(name)
        and not name.startswith("__")
        # Python reads every name in this form, and so would not find another.
        and normalize("NFKC", name) == name
    )


@attrs.frozen
class Entry:
    """
    The members of an object, and where in the file it stands.
    """

    place: str
    members: Mapping[str, Any] = attrs.field(repr=False)

    def refuse(self, what: str) -> NoReturn:
        """
        Raise the error that says *what* is wrong here.
        """
        where = f"{self.place}: " if self.place else ""
        shown = _ANY_OF.sub(" ", f"vocabulary file: {where}{what}")
        raise VocabularyError(shown.encode("ascii", "backslashreplace").decode())

    def only(self, *names: str) -> None:
        """
        Refuse members of any other name.
        """
        for name in sorted(self.members.keys() - set(names)):
            self.refuse(f"{name} is not known here; a newer cxcontext wrote it?")

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def text(self, name: str) -> str:
        """
        Return the member *name*, a string.
        """
        return self.as_text(self.members.get(name), name)

    def as_text(self, value: object, name: str) -> str:
        """
        Return *value*, which stands under *name* and must be Unicode text.
        """
        if not isinstance(value, str) or not _encodes(value):
            self.refuse(f"{name} is missing or not text")
        return value

    def integer(self, name: str) -> int:
        """
        Return the member *name*, an integer.
        """
        value = self.members.get(name)
        if type(value) is not int:
            self.refuse(f"{name} is missing or not an integer")
        return value

    def flag(self, name: str) -> bool:
        """
        Return the member *name*, true or false; false when it is left out.
        """
        value = self.members.get(name, False)
        if not isinstance(value, bool):
            self.refuse(f"{name} is neither true nor false")
        return value

    def items(self, name: str) -> Sequence[Any]:
        """
        Return the member *name*, a list; an empty one when it is left out.
        """
        values = self.members.get(name, [])
        if not isinstance(values, list):
            self.refuse(f"{name} is not a list")
        if len(values) > MAX_MEMBERS:
            self.refuse(f"{name} has more than {MAX_MEMBERS} members")
        return values

    def texts(self, name: str) -> list[str]:
        """
        Return the member *name*, a list of different strings.
        """
        values = [self.as_text(value, name) for value in self.items(name)]
        if len(set(values)) != len(values):
            self.refuse(f"{name} has a member twice")
        return values

    def entries(self, name: str) -> Iterator[tuple[str, Entry]]:
        """
        Yield the objects in the object that is the member *name*, by their names.

        Each name must be an identifier of Python, for it will be one.
        """
        values = self.members.get(name, {})
        if not isinstance(values, dict):
            self.refuse(f"{name} is not an object")
        if len(values) > MAX_MEMBERS:
            self.refuse(f"{name} has more than {MAX_MEMBERS} members")
        for key, value in values.items():
            if not is_name(key):
                self.refuse(f"{name}: {key!r} is not a name")
            yield key, self.at(f"{name}.{key}", value)

    def at(self, place: str, value: object) -> Entry:
        """
        Return the entry of an object that stands at *place* in this one.
        """
        inside = Entry(f"{self.place}.{place}" if self.place else place, {})
        if not isinstance(value, dict):
            inside.refuse("not an object")
        return attrs.evolve(inside, members=value)


def _encodes(text: str) -> bool:
    # JSON can escape half a surrogate pair, which no file can hold.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
