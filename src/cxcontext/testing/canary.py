"""
The canary: what a customer said, looked for wherever it must not be.
"""

from __future__ import annotations

import html
import json
import logging
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import quote, quote_plus

import attrs

import cxcontext as cx

# What is shorter is in any log: a house number, a language, a "yes".
SHORTEST_CHARS: Final = 4
# Envelopes and references are no values, and open doors: they belong in no log.
_ENVELOPE: Final = re.compile(r"cx1\.[A-Za-z0-9_-]{40,}")
_REFERENCE: Final = re.compile(r"\bCX[A-Z2-7]{46}\b")


class HasRecords(Protocol):
    """
    What has log records: pytest's ``caplog``, or `Logs`.

    .. versionadded:: 0.1.0
    """

    @property
    def records(self) -> list[logging.LogRecord]:
        """
        The records, oldest first.
        """
        ...


Records: TypeAlias = HasRecords | Iterable[logging.LogRecord]
Said: TypeAlias = cx.Journey[Any] | Iterable[cx.Journey[Any]] | Mapping[str, Any]


def assert_no_values(
    records: Records, said: Said, *, texts: Mapping[str, str | bytes] | None = None
) -> None:
    """
    Check that nothing a customer said is in the logs, or in any text given.

    Every text that can be read off a value is looked for as it is, whatever its case,
    and as the usual encodings have it: percent, JSON, HTML, hex, base64 at any offset.
    Of a record everything is searched: message, arguments, what a formatter makes of
    them, the exception with its causes and notes, the stack, and extra attributes. So
    are envelopes and references, which are no values and belong into no log.

    Args:
        records: ``caplog``, `Logs`, or log records.
        said: The journeys: all that their departments recall is looked for. Or
            sentinels, by the name that the message gives them.
        texts: More to search, by name: bodies, URLs, metrics, spans.

    Raises:
        AssertionError: It names field, place and encoding, never the value; or there
            is no value long enough (4 characters) to be looked for.

    .. versionadded:: 0.1.0
    """
    __tracebackhide__ = True
    needles = [*_needles(said)]
    if not needles:
        msg = (
            "no value of 4 characters or more is recalled, so the test shows nothing; "
            "learn sentinels first, such as 'canary-7f3a'"
        )
        raise AssertionError(msg)
    places = [*_places(records)]
    places += [(f"text {name}", _text(text)) for name, text in (texts or {}).items()]
    problems = [
        f"{problem} in {place}"
        for place, text in places
        for problem in _problems(needles, text)
    ]
    if problems:
        lines = "\n  ".join(dict.fromkeys(problems))
        msg = (
            f"what a customer said was found:\n  {lines}\n"
            "  remedy: log the journey (its repr has no value), field names, "
            "journey.explain(), or an error's code"
        )
        raise AssertionError(msg)


def values_in(said: Said) -> dict[str, set[str]]:
    """
    Return the texts to look for, by the field they are of.

    .. versionadded:: 0.1.0
    """
    found: dict[str, set[str]] = {}
    for name, text in _said(said):
        if len(text) >= SHORTEST_CHARS:
            found.setdefault(name, set()).add(text)
    return found


def shown_in(texts: Iterable[str], text: str) -> bool:
    """
    Return whether any of *texts* is in *text*, in whichever encoding.

    .. versionadded:: 0.1.0
    """
    return any(_found(form, text) for each in texts for _, form in _forms(each))


# --- what to look for ----------------------------------------------------------


@attrs.frozen
class _Needle:
    field: str
    how: str
    form: str = attrs.field(repr=False)


def _needles(said: Said) -> Iterator[_Needle]:
    for field, texts in values_in(said).items():
        for text in sorted(texts):
            for how, form in _forms(text):
                yield _Needle(field, how, form)


def _said(said: Said) -> Iterator[tuple[str, str]]:
    if isinstance(said, Mapping):
        for name, value in said.items():
            yield from ((str(name), text) for text in _leaves(value))
        return
    for journey in [said] if isinstance(said, cx.Journey) else said:
        for field in journey.context.reader.vocabulary.fields.values():
            for value in journey.recall_all(field.key).values():
                yield from ((field.name, text) for text in _leaves(value))


def _leaves(value: Any) -> Iterator[str]:
    """
    Yield the texts that a value shows, however deep they are.
    """
    if isinstance(value, Enum):
        yield from _leaves(value.value)
    elif isinstance(value, bytes):
        # As a repr has it, and as hex; base64 is that of the bytes.
        yield value.decode("utf-8", "backslashreplace")
    elif isinstance(value, str):
        yield value
    elif isinstance(value, (datetime, date)):
        yield value.isoformat()
    elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _leaves(key)
            yield from _leaves(entry)
    elif attrs.has(type(value)):
        for attribute in attrs.fields(type(value)):
            yield from _leaves(getattr(value, attribute.name))
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from _leaves(entry)


def _forms(text: str) -> Iterator[tuple[str, str]]:
    """
    Yield how a text may be written, with the name of the encoding.
    """
    data = text.encode("utf-8", "surrogatepass")
    forms = [
        ("as it is", text),
        ("percent-encoded", quote(text, safe="", errors="surrogatepass")),
        ("form-encoded", quote_plus(text, errors="surrogatepass")),
        ("in JSON", json.dumps(text)[1:-1]),
        ("in HTML", html.escape(text)),
        ("in a repr", repr(text)[1:-1]),
        ("in hex", data.hex()),
    ]
    # The same bytes look different at each of three offsets; what their neighbours
    # are shows in the first and last characters, which are left out.
    for offset in range(3):
        shifted = bytes(offset) + data
        whole = len(shifted) // 3 * 3
        for how, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
            encoded = encode(shifted[:whole]).decode("ascii")
            forms.append((f"in {how}", encoded[4 if offset else 0 :]))
    seen: set[str] = set()
    for how, form in forms:
        # Fewer would be found by chance.
        if len(form) >= SHORTEST_CHARS and form not in seen:
            seen.add(form)
            yield how, form


# --- where to look ---------------------------------------------------------------


def _places(records: Records) -> Iterator[tuple[str, str]]:
    found = records if isinstance(records, Iterable) else records.records
    for number, record in enumerate(found, start=1):
        where = f"log record {number} ({record.name}, {record.levelname})"
        for part, text in _parts(record):
            yield f"{where}, {part}", text


_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def _parts(record: logging.LogRecord) -> Iterator[tuple[str, str]]:
    try:
        yield "message", record.getMessage()
    except Exception:  # noqa: BLE001 - a wrong format string is the application's
        yield "message", str(record.msg)
    yield "arguments", f"{record.args!r} {record.args}"
    yield "template", str(record.msg)
    if record.exc_info:
        yield "exception", logging.Formatter().formatException(record.exc_info)
        yield from _exception(record.exc_info[1])
    yield "stack", f"{record.stack_info or ''}{record.exc_text or ''}"
    extra = {name: v for name, v in vars(record).items() if name not in _OWN}
    if extra:
        yield "extra", " ".join(f"{value!r} {value}" for value in extra.values())


def _exception(problem: BaseException | None) -> Iterator[tuple[str, str]]:
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        yield "exception's arguments", f"{problem.args!r} {problem}"
        problem = problem.__cause__ or problem.__context__


def _text(text: str | bytes) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _problems(needles: Iterable[_Needle], text: str) -> Iterator[str]:
    for needle in needles:
        if _found(needle.form, text):
            yield f"{needle.field} {needle.how}"
    if _ENVELOPE.search(text):
        yield "an envelope"
    if _REFERENCE.search(text):
        yield "a reference"


def _found(form: str, text: str) -> bool:
    return form in text or form.casefold() in text.casefold()
