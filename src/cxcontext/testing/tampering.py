"""
Every way of breaking an envelope, with the code that each must give.

What somebody can do who holds the envelope and no key. The codes are those of the
order of checks in ``docs/specification.md``, not what the library says to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs
import cbor2

import cxcontext as cx
from cxcontext.testing.wire import (
    ALG,
    AUD,
    CLAIMS,
    CTI,
    EXP,
    IAT,
    KID,
    PRIVATE,
    SECTIONS,
    Wire,
    canonical,
    flip,
    header,
    identify,
    pack,
    parents,
    sections,
    unpack,
    withheld,
)

_MALFORMED: Final = "malformed"
_CANONICAL: Final = "not_canonical"
_DELIVERY: Final = "bad_delivery_signature"
_TEN_YEARS_S: Final = 10 * 365 * 24 * 3600
_MAX_BYTES: Final = 256 * 1024
_ED25519, _ESP256 = -19, -9


@attrs.frozen(kw_only=True)
class Tampered:
    """
    A broken envelope.

    Args:
        name: What was done to it; fit for a test's id.
        raw: What to receive, or to resume if the envelope was one that rests.
        code: That of the `VerificationError` which must come of it.

    .. versionadded:: 0.1.0
    """

    name: str
    raw: bytes | str = attrs.field(repr=False)
    code: str

    def __str__(self) -> str:
        return self.name


def tampered(envelope: cx.Envelope | bytes) -> tuple[Tampered, ...]:
    """
    Return every way of breaking *envelope*, each once, always in the same order.

    For ``pytest.mark.parametrize("case", tampered(envelope), ids=str)``, or a loop.

    It must be a good one that its receiver would take now, with whatever binding it
    has, and at most 300 seconds after it was signed if it was handed over. Ways that
    it has no place for are left out: an envelope of one statement has no order to
    change. Hand one over that went through two departments and has a section to see
    them all.

    Args:
        envelope: An envelope, or what `Journey.save` returned.

    .. versionadded:: 0.1.0
    """
    raw = bytes(envelope)
    ways = (*_ENVELOPE, *_DELIVERIES, *_STATEMENTS)
    cases = [*_of_bytes(raw), *_of_text(raw)]
    for name, code, change in ways:
        broken = change(unpack(raw))
        if broken is not None:
            cases.append((name, code, pack(broken)))
    return tuple(
        Tampered(name=name, raw=broken, code=code) for name, code, broken in cases
    )


# --- bytes and text --------------------------------------------------------------


def _of_bytes(raw: bytes) -> Iterator[tuple[str, str, bytes | str]]:
    # The envelope is an array of three, whose head is the first byte.
    body = raw[1:]
    yield "nothing", _MALFORMED, b""
    yield "cut in half", _MALFORMED, raw[: len(raw) // 2]
    yield "last byte gone", _MALFORMED, raw[:-1]
    # An integer, the version, and much behind it.
    yield "first byte gone", _CANONICAL, body
    yield "a byte behind", _CANONICAL, raw + b"\0"
    yield "another envelope behind", _CANONICAL, raw + raw
    yield "of indefinite length", _MALFORMED, b"\x9f" + body + b"\xff"
    yield "a head that is too long", _CANONICAL, b"\x98\x03" + body
    yield "a tag before", _MALFORMED, b"\xd9\xd9\xf7" + raw
    yield "too large", "too_large", raw + bytes(_MAX_BYTES)


def _of_text(raw: bytes) -> Iterator[tuple[str, str, bytes | str]]:
    text = str(cx.Envelope.parse(raw))
    middle = len(text) // 2
    yield "text: another version", _MALFORMED, "cx2." + text[4:]
    yield "text: prefix in capitals", _MALFORMED, "CX1." + text[4:]
    yield "text: no prefix", _MALFORMED, text[4:]
    yield "text: padded", _CANONICAL, text + "="
    yield "text: a space inside", _MALFORMED, f"{text[:middle]} {text[middle:]}"
    yield "text: a line feed inside", _MALFORMED, f"{text[:middle]}\n{text[middle:]}"
    yield "text: a line feed behind", _MALFORMED, text + "\n"
    yield "text: twice, with a comma", _MALFORMED, f"{text},{text}"
    yield "text: twice, with a comma and a space", _MALFORMED, f"{text}, {text}"
    yield "text: quoted", _MALFORMED, f'"{text}"'
    yield "text: beyond ASCII", _MALFORMED, text + "é"
    unused = _unused_bits(text)
    if unused is not None:
        yield "text: unused bits", _CANONICAL, unused


def _unused_bits(text: str) -> str | None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # Base64url, RFC 4648, 3.5: two or four bits of the last character mean nothing.
    if (len(text) - 4) % 4 < 2:
        return None
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


# --- the envelope ----------------------------------------------------------------

_Change = Callable[[Wire], Any]
_Way = tuple[str, str, _Change]


def _of_version(version: object) -> _Change:
    return lambda wire: [version, *wire[1:]]


def _reversed(wire: Wire) -> Any:
    return [wire[0], wire[1][::-1], wire[2]] if len(wire[1]) > 1 else None


def _leaf(wire: Wire) -> int | None:
    """
    Return the place of a statement that none builds upon and that is no root.
    """
    built_upon = {parent for statement in wire[1] for parent in parents(statement)}
    for at, statement in enumerate(wire[1]):
        if identify(statement) not in built_upon and parents(statement):
            return at
    return None


def _root(wire: Wire) -> int:
    return next(at for at, s in enumerate(wire[1]) if not parents(s))


def _without(which: Callable[[Wire], int | None]) -> _Change:
    def change(wire: Wire) -> Any:
        at = which(wire)
        if at is None or len(wire[1]) < 2:
            return None
        return [wire[0], wire[1][:at] + wire[1][at + 1 :], wire[2]]

    return change


def _middle(wire: Wire) -> int | None:
    for at, statement in enumerate(wire[1]):
        built_upon = {p for s in wire[1] for p in parents(s)}
        if parents(statement) and identify(statement) in built_upon:
            return at
    return None


def _sorted(wire: Wire, statements: list[Wire]) -> Wire:
    return [wire[0], sorted(statements, key=identify), wire[2]]


def _second_root(wire: Wire) -> Any:
    root = wire[1][_root(wire)]
    changed = header(root)
    changed[CLAIMS][PRIVATE][0] = flip(changed[CLAIMS][PRIVATE][0], 0)
    twin = [canonical(changed), root[1], None, root[3]]
    return _sorted(wire, [*wire[1], twin])


def _stranger(wire: Wire) -> Any:
    """
    Return the envelope with a statement by nobody, upon all that is there.
    """
    leaf = wire[1][_last(wire)]
    changed = header(leaf)
    changed[KID] = flip(changed[KID], 0)
    changed[CLAIMS][PRIVATE][0] = [identify(leaf)]
    # An export's, an acceptance's or an erasable root's flags are not the stranger's.
    changed[CLAIMS][PRIVATE][4] = 0
    made = [canonical(changed), {}, None, leaf[3]]
    return _sorted(wire, [*wire[1], made])


_ENVELOPE: Final[tuple[_Way, ...]] = (
    ("version 0", "unsupported_version", _of_version(0)),
    ("version 2", "unsupported_version", _of_version(2)),
    ("no delivery", _MALFORMED, lambda wire: wire[:2]),
    ("no statements", _MALFORMED, lambda wire: [wire[0], [], wire[2]]),
    ("one element more", _MALFORMED, lambda wire: [*wire, None]),
    ("statements out of order", _CANONICAL, _reversed),
    (
        "a statement twice",
        _CANONICAL,
        lambda wire: [wire[0], [wire[1][0], *wire[1]], wire[2]],
    ),
    ("the last statement left out", _DELIVERY, _without(_leaf)),
    ("the root left out", "not_one_root", _without(_root)),
    ("a statement in the middle left out", "missing_parent", _without(_middle)),
    ("a second root", "not_one_root", _second_root),
    ("a statement by a stranger", _DELIVERY, _stranger),
)


# --- the delivery ----------------------------------------------------------------


def _delivery(change: Callable[[dict[Any, Any]], object]) -> _Change:
    """
    Return how to change a delivery's header; it does not apply where that says so.
    """

    def changed(wire: Wire) -> Any:
        made = header(wire[2])
        if change(made) is False:
            return None
        return [wire[0], wire[1], [canonical(made), *wire[2][1:]]]

    return changed


def _flip_in(label: int) -> Callable[[dict[Any, Any]], object]:
    def change(made: dict[Any, Any]) -> None:
        place = made if label == KID else made[CLAIMS]
        place[label] = flip(place[label], 0)

    return change


def _other_algorithm(made: dict[Any, Any]) -> None:
    made[ALG] = _ESP256 if made[ALG] == _ED25519 else _ED25519


def _other_audience(made: dict[Any, Any]) -> None:
    made[CLAIMS][AUD] = "nobody-of-this-name"


def _moved_expiry(seconds: int) -> Callable[[dict[Any, Any]], object]:
    def change(made: dict[Any, Any]) -> object:
        if EXP not in made[CLAIMS]:
            return False
        made[CLAIMS][EXP] += seconds
        return True

    return change


def _other_kind(made: dict[Any, Any]) -> None:
    claims = made[CLAIMS]
    if claims.pop(EXP, None) is None:
        claims[EXP] = claims[IAT] + _TEN_YEARS_S


def _other_arrival(made: dict[Any, Any]) -> None:
    private = made[CLAIMS][PRIVATE]
    private[0] = 2 if private[0] == 3 else 3


def _private(
    change: Callable[[bytes | None, bytes | None], tuple[bytes | None, bytes | None]],
) -> Callable[[dict[Any, Any]], object]:
    def changed(made: dict[Any, Any]) -> None:
        arrival, reply_to, binding = [*made[CLAIMS][PRIVATE], None, None][:3]
        private = [arrival, *change(reply_to, binding)]
        # Trailing nulls are not canonical.
        while private[-1] is None:
            private.pop()
        made[CLAIMS][PRIVATE] = private

    return changed


def _bound_otherwise(
    reply_to: bytes | None, binding: bytes | None
) -> tuple[bytes | None, bytes]:
    return reply_to, flip(binding or bytes(32), 0)


def _other_reply(
    reply_to: bytes | None, binding: bytes | None
) -> tuple[bytes, bytes | None]:
    return flip(reply_to or bytes(8), 0), binding


def _signature(change: Callable[[bytes], bytes]) -> _Change:
    return lambda wire: [*wire[:2], [*wire[2][:3], change(wire[2][3])]]


_DELIVERIES: Final[tuple[_Way, ...]] = (
    ("delivery: another key id", "unknown_key", _delivery(_flip_in(KID))),
    ("delivery: another algorithm", "wrong_algorithm", _delivery(_other_algorithm)),
    ("delivery: for somebody else", "wrong_audience", _delivery(_other_audience)),
    (
        "delivery: for ten years",
        "delivery_too_long",
        _delivery(_moved_expiry(_TEN_YEARS_S)),
    ),
    ("delivery: a second shorter", _DELIVERY, _delivery(_moved_expiry(-1))),
    ("delivery: of the other kind", "wrong_delivery_kind", _delivery(_other_kind)),
    ("delivery: another arrival", _DELIVERY, _delivery(_other_arrival)),
    (
        "delivery: bound otherwise",
        "wrong_binding",
        _delivery(_private(_bound_otherwise)),
    ),
    ("delivery: another reply", "wrong_reply", _delivery(_private(_other_reply))),
    ("delivery: another id", _DELIVERY, _delivery(_flip_in(CTI))),
    (
        "delivery: an unknown label",
        _MALFORMED,
        _delivery(lambda made: made.update({3: "text/plain"})),
    ),
    (
        "delivery: something unprotected",
        _MALFORMED,
        lambda wire: [*wire[:2], [wire[2][0], {KID: b"\0" * 8}, *wire[2][2:]]],
    ),
    ("delivery: a bit of the signature", _DELIVERY, _signature(lambda s: flip(s, 0))),
    ("delivery: no signature", _MALFORMED, _signature(lambda _: b"")),
    ("delivery: zeros for a signature", _DELIVERY, _signature(lambda s: bytes(len(s)))),
)


# --- a statement -----------------------------------------------------------------
# The last one: nothing is built upon it, so what is changed in it changes its id,
# and the delivery covers ids.


def _last(wire: Wire) -> int:
    at = _leaf(wire)
    return _root(wire) if at is None else at


def _statement(change: Callable[[Wire], Any]) -> _Change:
    def changed(wire: Wire) -> Any:
        at = _last(wire)
        made = change(wire[1][at])
        if made is None:
            return None
        return _sorted(wire, [*wire[1][:at], made, *wire[1][at + 1 :]])

    return changed


def _claims(change: Callable[[dict[Any, Any]], object]) -> _Change:
    def changed(statement: Wire) -> Any:
        made = header(statement)
        change(made)
        return [canonical(made), *statement[1:]]

    return _statement(changed)


def _other_channel(made: dict[Any, Any]) -> None:
    private = made[CLAIMS][PRIVATE]
    private[1] = "web" if private[1] != "web" else "chat"


def _later(made: dict[Any, Any]) -> None:
    made[CLAIMS][EXP] += 1


def _of_unknown_parent(wire: Wire) -> Any:
    at = _leaf(wire)
    if at is None:
        return None
    made = header(wire[1][at])
    made[CLAIMS][PRIVATE][0] = [bytes(32)]
    changed = [canonical(made), *wire[1][at][1:]]
    return _sorted(wire, [*wire[1][:at], changed, *wire[1][at + 1 :]])


def _some_section(wire: Wire) -> tuple[int, int] | None:
    """
    Return place and scope of a section, in a statement that none builds upon.
    """
    at = _last(wire)
    scopes = sorted(sections(wire[1][at]))
    return (at, scopes[0]) if scopes else None


def _section(change: Callable[[Wire, int], Wire]) -> _Change:
    def changed(wire: Wire) -> Any:
        found = _some_section(wire)
        if found is None:
            return None
        at, scope = found
        made = change(wire[1][at], scope)
        return _sorted(wire, [*wire[1][:at], made, *wire[1][at + 1 :]])

    return changed


def _bit_of_section(statement: Wire, scope: int) -> Wire:
    entries = dict(statement[1][SECTIONS])
    generation, ciphertext = cbor2.loads(entries[scope])
    entries[scope] = canonical([generation, flip(ciphertext, 0)])
    return [statement[0], {SECTIONS: entries}, *statement[2:]]


def _moved_section(statement: Wire, scope: int) -> Wire:
    entries = dict(statement[1][SECTIONS])
    moved = next(number for number in range(1, 99) if number not in entries)
    entries[moved] = entries.pop(scope)
    return [statement[0], {SECTIONS: dict(sorted(entries.items()))}, *statement[2:]]


def _removed_section(statement: Wire, scope: int) -> Wire:
    entries = {s: e for s, e in statement[1][SECTIONS].items() if s != scope}
    return [statement[0], {SECTIONS: entries} if entries else {}, *statement[2:]]


_STATEMENTS: Final[tuple[_Way, ...]] = (
    ("statement: another channel", _DELIVERY, _claims(_other_channel)),
    ("statement: a second longer", _DELIVERY, _claims(_later)),
    ("statement: another key id", _DELIVERY, _claims(_flip_in(KID))),
    ("statement: another algorithm", _DELIVERY, _claims(_other_algorithm)),
    ("statement: an unknown parent", "missing_parent", _of_unknown_parent),
    (
        "statement: a bit of the signature",
        _DELIVERY,
        _statement(lambda s: [*s[:3], flip(s[3], 0)]),
    ),
    (
        "statement: a payload attached",
        _MALFORMED,
        _statement(lambda s: [*s[:2], b"", s[3]]),
    ),
    ("section: withheld", _DELIVERY, _section(withheld)),
    ("section: removed", _DELIVERY, _section(_removed_section)),
    ("section: a bit", _DELIVERY, _section(_bit_of_section)),
    ("section: of another scope", _DELIVERY, _section(_moved_section)),
)
