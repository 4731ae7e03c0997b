"""
What the resolver is asked: bounded JSON, in which nothing unknown is passed over.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import attrs

import cxcontext as cx
from cxcontext.homes import CallKey

MAX_CALL_CHARS: Final = 256
MAX_KEYS: Final = 16
MAX_FIELDS: Final = 256
_MEMBERS: Final = frozenset(
    {"call", "reference", "code", "line", "caller", "keys", "fields"}
)


class BadRequest(Exception):  # noqa: N818 - the words of RFC 9110
    """
    A body that is not what the document describes, or names what there is not.

    .. versionadded:: 0.1.0
    """

    def __init__(self, code: str, *, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


@attrs.frozen(kw_only=True, repr=False)
class Ask:
    """
    One question: which call, and one of reference, code and call ids.

    .. versionadded:: 0.1.0
    """

    call: str
    reference: str | None
    code: str | None
    line: str
    caller: str | None
    keys: tuple[CallKey, ...]
    fields: tuple[str, ...] | None


def parse(body: bytes, *, vocabulary: type[cx.Vocabulary]) -> Ask:
    """
    Return what *body* asks.

    Raises:
        BadRequest: When it is not what the document describes.

    .. versionadded:: 0.1.0
    """
    try:
        found = json.loads(
            body.decode(), object_pairs_hook=_once, parse_constant=_refuse
        )
    # RecursionError: a thousand brackets fit in, too.
    except (ValueError, RecursionError):
        raise BadRequest("malformed") from None
    if not isinstance(found, dict) or not set(found) <= _MEMBERS:
        raise BadRequest("malformed")
    sources = [name for name in ("reference", "code", "keys") if name in found]
    if len(sources) != 1 or ("line" in found or "caller" in found) != ("code" in found):
        raise BadRequest("malformed")
    return Ask(
        call=_text(found.get("call")),
        reference=_text(found["reference"]) if "reference" in found else None,
        code=_text(found["code"]) if "code" in found else None,
        line=_text(found.get("line")) if "code" in found else "",
        caller=_text(found["caller"]) if found.get("caller") is not None else None,
        keys=tuple(map(_key, _list(found.get("keys", []), MAX_KEYS)))
        if "keys" in found
        else (),
        fields=_fields(found["fields"], vocabulary) if "fields" in found else None,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_CALL_CHARS:
        raise BadRequest("malformed")
    try:
        value.encode()
    except UnicodeEncodeError:
        # Half of a character of two.
        raise BadRequest("malformed") from None
    return value


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise BadRequest("malformed")
    return value


def _key(value: Any) -> CallKey:
    if not isinstance(value, dict) or set(value) != {"platform", "kind", "value"}:
        raise BadRequest("malformed")
    return CallKey(
        _text(value["platform"]), _text(value["kind"]), _text(value["value"])
    )


def _fields(value: Any, vocabulary: type[cx.Vocabulary]) -> tuple[str, ...]:
    names = tuple(map(_text, _list(value, MAX_FIELDS)))
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
