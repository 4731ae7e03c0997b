"""
What the resolver is asked: bounded JSON, in which nothing unknown is passed over.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import attrs

import cxcontext as cx
from cxcontext.hiding import unshown
from cxcontext.homes import CallKey

MAX_TEXT_CHARS: Final = 256
MAX_HEADER_CHARS: Final = 4_096
MAX_HEADERS: Final = 64
MAX_KEYS: Final = 16
MAX_FIELDS: Final = 256
_TEXTS: Final = ("reference", "code", "line", "caller")
_MEMBERS: Final = frozenset(
    {"call", "headers", "keys", "fields", "transferred", *_TEXTS}
)


class BadRequest(Exception):  # noqa: N818 - the words of RFC 9110
    """
    A body that is not what the document describes, or names what there is not.

    .. versionadded:: 0.1.0
    """

    def __init__(self, code: str, *, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


@attrs.frozen(kw_only=True, repr=False, field_transformer=unshown)
class Ask:
    """
    One question: which call, what it brought, and what is wanted.

    .. versionadded:: 0.1.0
    """

    call: str
    headers: tuple[tuple[str, str], ...] = ()
    code: str | None = None
    line: str | None = None
    caller: str | None = None
    keys: tuple[CallKey, ...] = ()
    transferred: bool = False
    fields: tuple[str, ...] | None = None
    to: str | None = None


def parse(
    body: bytes, *, vocabulary: type[cx.Vocabulary], hands_over: bool = False
) -> Ask:
    """
    Return what *body* asks.

    Args:
        body: As it came.
        vocabulary: In which *fields* are.
        hands_over: Whether it must say to which department.

    Raises:
        BadRequest: When it is not what the document describes.

    .. versionadded:: 0.1.0
    """
    found = _object(body)
    members = _MEMBERS | {"to"} if hands_over else _MEMBERS
    if not set(found) <= members or ("code" in found and "line" not in found):
        raise BadRequest("malformed")
    texts = {name: _text(found[name]) for name in _TEXTS if found.get(name) is not None}
    headers = tuple(map(_header, _list(found, "headers", MAX_HEADERS)))
    if "reference" in texts:
        headers = (*headers, ("X-Customer-Context", texts.pop("reference")))
    transferred = found.get("transferred", False)
    if not isinstance(transferred, bool):
        raise BadRequest("malformed")
    return Ask(
        call=_text(found.get("call")),
        headers=headers,
        keys=tuple(map(_key, _list(found, "keys", MAX_KEYS))),
        transferred=transferred,
        fields=_fields(found, vocabulary) if "fields" in found else None,
        to=_text(found.get("to")) if hands_over else None,
        **texts,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(
            body.decode(), object_pairs_hook=_once, parse_constant=_refuse
        )
    # RecursionError: a thousand brackets fit in, too.
    except (ValueError, RecursionError):
        raise BadRequest("malformed") from None
    if not isinstance(found, dict):
        raise BadRequest("malformed")
    return found


def _text(value: Any, *, most: int = MAX_TEXT_CHARS) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise BadRequest("malformed")
    try:
        value.encode()
    except UnicodeEncodeError:
        # Half of a character of two.
        raise BadRequest("malformed") from None
    return value


def _list(found: dict[str, Any], name: str, most: int) -> list[Any]:
    value = found.get(name, [])
    if not isinstance(value, list) or len(value) > most:
        raise BadRequest("malformed")
    return value


def _header(value: Any) -> tuple[str, str]:
    if not isinstance(value, dict) or set(value) != {"name", "value"}:
        raise BadRequest("malformed")
    return _text(value["name"]), _text(value["value"], most=MAX_HEADER_CHARS)


def _key(value: Any) -> CallKey:
    if not isinstance(value, dict) or set(value) != {"platform", "kind", "value"}:
        raise BadRequest("malformed")
    return CallKey(
        _text(value["platform"]), _text(value["kind"]), _text(value["value"])
    )


def _fields(found: dict[str, Any], vocabulary: type[cx.Vocabulary]) -> tuple[str, ...]:
    names = tuple(map(_text, _list(found, "fields", MAX_FIELDS)))
    if not set(names) <= set(vocabulary.fields):
        raise BadRequest("unknown_field", status=404)
    return names


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse(_: str) -> NoReturn:
    raise ValueError
