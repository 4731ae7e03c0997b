"""
The invalid vectors: each has one fault and one code.

Those whose name begins with ``order-`` have two faults, and the code of the one that
is looked for first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cxcontext.core.signing import P256_ORDER
from making.forging import (
    ALG,
    AUD,
    CLAIMS,
    CTI,
    EXP,
    IAT,
    KID,
    PRIVATE,
    SECTIONS,
    Forge,
    Pairs,
    Raw,
    Tag,
    Wire,
    digest,
    encode,
    flip,
    head,
    identify,
    pad,
    withheld,
)
from making.valid import header_of
from making.vector import Vector, Workshop, add_invalid, to_text
from making.world import DAY_S, LIFETIME_S, NOW

MALFORMED, CANONICAL, LIMIT = "malformed", "not_canonical", "limit_exceeded"
SAYS = {2: {10: "A-118"}}
# The order of Ed25519's group (RFC 8032, 5.1).
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def _enveloped(name: str, code: str, why: str, make: Callable[[Forge], Any]) -> None:
    """
    Add a vector of bytes, or of another vector's arguments.
    """

    def maker(shop: Workshop) -> Vector:
        made = make(shop.forge())
        if isinstance(made, Vector):
            return made
        return Vector(envelope=made, error=code)

    add_invalid(name, why, maker)


def _statement(name: str, code: str, why: str, **options: Any) -> None:
    """
    Add a vector of a root that is made, signed and delivered with *options*.
    """

    def make(forge: Forge) -> bytes:
        return forge.envelope(forge.statement(**options))

    _enveloped(name, code, why, make)


def _delivery(
    name: str,
    code: str,
    why: str,
    *,
    now: int = NOW,
    how: dict[str, Any] | None = None,
    keys: str = "acme",
    **options: Any,
) -> None:
    """
    Add a vector of a genuine root under a delivery that is made with *options*.
    """

    def maker(shop: Workshop) -> Vector:
        forge = shop.forge(keys)
        return Vector(
            envelope=forge.envelope(forge.statement(says=SAYS), **options),
            error=code,
            now=now,
            how=how or {},
            keys=keys,
        )

    add_invalid(name, why, maker)


def _changed(
    name: str, code: str, why: str, change: Callable[[Wire], object | None]
) -> None:
    """
    Add a vector of a genuine envelope that was changed before it was encoded.
    """

    def make(forge: Forge) -> bytes:
        wire = forge.wire(forge.statement(says=SAYS))
        other = change(wire)
        return encode(wire if other is None else other)

    _enveloped(name, code, why, make)


def _bytes(name: str, code: str, why: str, change: Callable[[bytes], Any]) -> None:
    """
    Add a vector of a genuine envelope's bytes, changed; of text where it is text.
    """

    def make(forge: Forge) -> Any:
        return change(forge.envelope(forge.statement(says=SAYS)))

    _enveloped(name, code, why, make)


def _section(name: str, why: str, plain: Any, *, scope: int = 4) -> None:
    """
    Add a vector of a section that opens, and whose plaintext is malformed.

    Args:
        name: The vector's.
        why: The description.
        plain: A plaintext, to be encoded and padded; as bytes only padded.
        scope: Which scope it is of.
    """
    data = plain if isinstance(plain, bytes) else encode(plain)
    _padded(name, why, pad(data), scope=scope)


def _padded(name: str, why: str, padded: bytes, *, scope: int = 4) -> None:
    def maker(shop: Workshop) -> Vector:
        forge = shop.forge()
        return Vector(
            envelope=forge.envelope(forge.statement(padded={scope: padded})),
            error="section_malformed",
            how={"open_scope": scope},
        )

    add_invalid(name, why, maker)


# --- size and text form (1, 2) -----------------------------------------------

_enveloped(
    "size-one-byte-over",
    "too_large",
    "262,145 bytes: nothing is parsed.",
    lambda _: {"hex": "", "followed_by": {"hex": "00", "times": 262_145}},
)
_enveloped(
    "size-text-one-character-over",
    "too_large",
    "A text form of 349,531 characters.",
    lambda _: {"text": "cx1.", "followed_by": {"text": "A", "times": 349_527}},
)
_enveloped(
    "size-largest-that-is-parsed",
    MALFORMED,
    "262,144 bytes are not too many, but one byte string, which is no envelope.",
    lambda _: {"hex": "5a0003fffb", "followed_by": {"hex": "00", "times": 262_139}},
)
_enveloped(
    "size-largest-text-that-is-parsed",
    MALFORMED,
    "The same in text form, 349,530 characters.",
    lambda _: {"text": "cx1.WgAD__s", "followed_by": {"text": "A", "times": 349_519}},
)


def _of_length(data: bytes, rest: int) -> str:
    """
    Return a text form whose characters after the prefix leave *rest* modulo 4.
    """
    # A statement's channel can be as long as is needed, but no signature is looked at.
    text = to_text(data)[4:]
    while len(text) % 4 != rest:
        data += b"\0"
        text = to_text(data)[4:]
    return "cx1." + text


_bytes(
    "text-padded",
    CANONICAL,
    "Base64 padding behind the text form.",
    lambda data: _of_length(data[:-1], 3) + "=",
)
_bytes(
    "text-unused-bits",
    CANONICAL,
    "The unused bits of the last character are not zero.",
    lambda data: (t := _of_length(data[:-1], 2))[:-1] + chr(ord(t[-1]) + 1),
)
_bytes(
    "text-of-impossible-length",
    MALFORMED,
    "One character more than a multiple of four encodes nothing.",
    lambda data: _of_length(data, 0) + "A",
)
_bytes(
    "text-with-a-plus",
    MALFORMED,
    "A character of the other base64 alphabet.",
    lambda data: to_text(data)[:-4] + "+" + to_text(data)[-3:],
)
_bytes(
    "text-with-a-line-feed",
    MALFORMED,
    "A line feed at the end.",
    lambda data: to_text(data) + "\n",
)
_bytes(
    "text-with-a-space-inside",
    MALFORMED,
    "A space in the middle.",
    lambda data: to_text(data)[:20] + " " + to_text(data)[20:],
)
_bytes(
    "text-beyond-ascii",
    MALFORMED,
    "A character that looks like an A, and is Greek.",
    lambda data: to_text(data)[:-1] + "\u0391",
)
_bytes(
    "text-of-another-version",
    MALFORMED,
    "A prefix that is not known.",
    lambda data: "cx2." + to_text(data)[4:],
)
_bytes(
    "text-in-capitals",
    MALFORMED,
    "The prefix is in small letters.",
    lambda data: "CX1." + to_text(data)[4:],
)
_bytes("text-empty", MALFORMED, "Nothing behind the prefix.", lambda _: "cx1.")

# --- CBOR (2) ----------------------------------------------------------------

_bytes("cbor-empty", MALFORMED, "No bytes at all.", lambda _: {"hex": ""})
_bytes("cbor-cut-off", MALFORMED, "The last byte is missing.", lambda d: d[:-1])
_bytes("cbor-a-byte-behind", CANONICAL, "One byte too many.", lambda d: d + b"\0")
_bytes(
    "cbor-indefinite-array",
    MALFORMED,
    "The envelope is an array of indefinite length.",
    lambda data: b"\x9f" + data[1:] + b"\xff",
)
_bytes(
    "cbor-integer-too-long",
    CANONICAL,
    "The version in two bytes.",
    lambda data: data[:1] + b"\x18\x01" + data[2:],
)
_bytes(
    "cbor-array-head-too-long",
    CANONICAL,
    "The length of the outermost array in two bytes.",
    lambda data: b"\x98\x03" + data[1:],
)
_bytes(
    "cbor-nested-17-deep",
    LIMIT,
    "Seventeen arrays in each other.",
    lambda _: b"\x81" * 17 + b"\x01",
)
_bytes(
    "cbor-16385-items",
    LIMIT,
    "An array of 16,384 zeros, which are 16,385 items with the array.",
    lambda _: encode([0] * 16_384),
)
_bytes(
    "cbor-16384-items",
    "unsupported_version",
    "An array of 16,383 zeros, the first of which is taken for a version.",
    lambda _: encode([0] * 16_383),
)
_bytes(
    "cbor-a-length-that-lies",
    MALFORMED,
    "A byte string that claims 2**62 bytes.",
    lambda _: b"\x83\x01\x5b\x40" + bytes(7),
)
_changed(
    "cbor-signature-head-too-long",
    CANONICAL,
    "A byte string's length in two more bytes than it needs.",
    lambda wire: wire[2].__setitem__(3, Raw(head(2, 64, width=2) + wire[2][3])),
)
for _name, _code, _what, _item in (
    ("float", MALFORMED, "A number with a point, which no structure holds.", 1.0),
    ("tag", MALFORMED, "A tag, which no structure holds.", Tag(1, 1)),
    ("self-described", MALFORMED, "The tag that says 'this is CBOR'.", Tag(55799, 1)),
    ("big-integer", MALFORMED, "An integer in a tagged byte string.", Tag(2, b"\1")),
    ("undefined", MALFORMED, "The simple value 'undefined'.", Raw(b"\xf7")),
    ("simple-value", MALFORMED, "An unassigned simple value.", Raw(b"\xf0")),
    ("simple-value-of-two-bytes", MALFORMED, "Another one.", Raw(b"\xf8\x20")),
    ("false-of-two-bytes", MALFORMED, "Not well-formed at all.", Raw(b"\xf8\x14")),
    ("reserved-head", MALFORMED, "Additional information 28.", Raw(b"\x1c")),
    ("break", MALFORMED, "A break that ends nothing.", Raw(b"\xff")),
    ("not-a-number", MALFORMED, "Not-a-number.", Raw(b"\xf9\x7e\x00")),
    ("bad-utf-8", MALFORMED, "Text that is not UTF-8.", Raw(b"\x62\xc3\x28")),
    ("surrogate", MALFORMED, "Half of a character.", Raw(b"\x63\xed\xa0\x80")),
    ("indefinite-text", MALFORMED, "Text in chunks.", Raw(b"\x7f\x61a\xff")),
):
    _changed(
        f"cbor-{_name}",
        _code,
        f"{_what} It stands where the payload is detached.",
        lambda wire, item=_item: wire[2].__setitem__(2, item),
    )


def _sections(wire: Wire) -> Any:
    return wire[1][0][1][SECTIONS]


_changed(
    "cbor-key-twice",
    MALFORMED,
    "Two sections of one scope.",
    lambda wire: wire[1][0][1].update(
        {SECTIONS: Pairs([*_sections(wire).items()] * 2)}
    ),
)
_changed(
    "cbor-keys-unsorted",
    CANONICAL,
    "The digests of two scopes in the wrong order.",
    lambda wire: wire[1][0][1].update(
        {SECTIONS: Pairs([(24, [bytes(32)]), (3, [bytes(32)])])}
    ),
)
_changed(
    "cbor-text-key",
    MALFORMED,
    "A map whose key is text.",
    lambda wire: wire[1][0].__setitem__(1, {"sections": {}}),
)
_changed(
    "cbor-boolean-key",
    MALFORMED,
    "A map whose key is true, which some languages take for 1.",
    lambda wire: wire[1][0].__setitem__(1, {True: 1}),
)

# --- the envelope (3, 4, 6) --------------------------------------------------

_changed("envelope-a-map", MALFORMED, "A map.", lambda _: {1: []})
_changed("envelope-an-integer", MALFORMED, "The bare version.", lambda _: 1)
_changed("envelope-of-nothing", MALFORMED, "An empty array.", lambda _: [])
_changed(
    "envelope-version-true",
    MALFORMED,
    "A version that is no integer.",
    lambda wire: wire.__setitem__(0, True),
)
_changed(
    "envelope-version-2",
    "unsupported_version",
    "A version of the future, in which nothing else need be as it is.",
    lambda _: [2, "anything"],
)
_changed(
    "envelope-version-0",
    "unsupported_version",
    "A version that never was.",
    lambda wire: wire.__setitem__(0, 0),
)
_changed(
    "envelope-of-two",
    MALFORMED,
    "No delivery.",
    lambda wire: wire.pop() and None,
)
_changed(
    "envelope-of-four",
    MALFORMED,
    "Something behind the delivery.",
    lambda wire: wire.append(None),
)
_changed(
    "envelope-without-statements",
    MALFORMED,
    "No statement at all.",
    lambda wire: wire.__setitem__(1, []),
)
_changed(
    "envelope-statements-a-map",
    MALFORMED,
    "Statements in a map.",
    lambda wire: wire.__setitem__(1, {1: wire[1][0]}),
)


def _chain(forge: Forge, count: int) -> list[Wire]:
    chain = [forge.statement()]
    while len(chain) < count:
        chain.append(forge.statement(chain[-1]))
    return chain


_enveloped(
    "envelope-257-statements",
    LIMIT,
    "One statement more than an envelope holds.",
    lambda forge: Vector(
        envelope=forge.envelope(*_chain(forge, 257)), error=LIMIT, text=False
    ),
)


def _unsorted(forge: Forge) -> bytes:
    chain = sorted(_chain(forge, 2), key=identify, reverse=True)
    return encode([1, chain, forge.delivery(chain)])


_enveloped(
    "envelope-statements-unsorted",
    CANONICAL,
    "Two statements in the wrong order.",
    _unsorted,
)
_changed(
    "envelope-a-statement-twice",
    CANONICAL,
    "The same statement two times.",
    lambda wire: wire[1].append(wire[1][0]),
)

# --- the shape of a statement (5) --------------------------------------------

for _name, _what, _change in (
    ("a-map", "A map.", lambda wire: wire[1].__setitem__(0, {1: 2})),
    ("of-three", "No signature.", lambda wire: wire[1][0].pop() and None),
    ("of-five", "Something behind it.", lambda wire: wire[1][0].append(1)),
    ("header-not-bytes", "A bare header.", lambda wire: wire[1][0].__setitem__(0, {})),
    ("header-empty", "No header.", lambda wire: wire[1][0].__setitem__(0, b"")),
    (
        "unprotected-not-a-map",
        "An array of sections.",
        lambda wire: wire[1][0].__setitem__(1, []),
    ),
    (
        "unprotected-label",
        "Another unprotected header, a counter signature's.",
        lambda wire: wire[1][0][1].update({11: b"x"}),
    ),
    (
        "payload-attached",
        "A payload where it is detached.",
        lambda wire: wire[1][0].__setitem__(2, b"\xa0"),
    ),
    (
        "signature-of-63",
        "A signature of 63 bytes.",
        lambda wire: wire[1][0].__setitem__(3, wire[1][0][3][:-1]),
    ),
    (
        "signature-text",
        "A signature that is text.",
        lambda wire: wire[1][0].__setitem__(3, "x" * 64),
    ),
):
    _changed(f"statement-{_name}", MALFORMED, _what, _change)

for _name, _code, _what, _entries in (
    ("empty", MALFORMED, "A map of sections without any.", {}),
    ("array", MALFORMED, "Sections in an array.", [encode([1, b""])]),
    ("scope-0", MALFORMED, "Scope 0.", {0: encode([1, b""])}),
    ("scope-65536", MALFORMED, "A scope too high.", {65536: encode([1, b""])}),
    ("scope-negative", MALFORMED, "A negative scope.", {-1: encode([1, b""])}),
    ("text", MALFORMED, "A section that is text.", {2: "section"}),
    ("nil", MALFORMED, "A section that is nil.", {2: None}),
    ("digest-of-31", MALFORMED, "A digest of 31 bytes.", {2: [bytes(31)]}),
    ("digest-bare-array", MALFORMED, "No digest in its array.", {2: []}),
    ("two-digests", MALFORMED, "Two digests.", {2: [bytes(32), bytes(32)]}),
    ("rubbish", MALFORMED, "A section that is no CBOR.", {2: b"\xff"}),
    ("empty-bytes", MALFORMED, "A section of no bytes.", {2: b""}),
    ("map", MALFORMED, "A section that is a map.", {2: encode({1: b""})}),
    ("of-one", MALFORMED, "A section without sealed bytes.", {2: encode([1])}),
    ("of-three", MALFORMED, "A section of three.", {2: encode([1, b"", 0])}),
    ("generation-text", MALFORMED, "A generation in text.", {2: encode(["1", b""])}),
    ("generation-true", MALFORMED, "A generation 'true'.", {2: encode([True, b""])}),
    ("generation-high", MALFORMED, "Generation 65536.", {2: encode([65536, b""])}),
    ("generation-low", MALFORMED, "Generation -1.", {2: encode([-1, b""])}),
    ("sealed-text", MALFORMED, "Sealed bytes in text.", {2: encode([1, "x"])}),
    ("byte-behind", CANONICAL, "A byte behind it.", {2: encode([1, b""]) + b"\0"}),
    ("long-head", CANONICAL, "A long head.", {2: b"\x98\x02" + encode([1, b""])[1:]}),
    ("sealed-18433", LIMIT, "A byte too many.", {2: encode([1, bytes(18_433)])}),
    (
        "17-scopes",
        LIMIT,
        "One scope more than a statement holds.",
        {scope: [bytes(32)] for scope in range(1, 18)},
    ),
):
    _changed(
        f"sections-{_name}",
        _code,
        _what,
        lambda wire, entries=_entries: wire[1][0][1].update({SECTIONS: entries}),
    )

# --- the header and claims of a statement (5) --------------------------------


def _drop(label: int) -> Callable[[dict[Any, Any]], None]:
    return lambda header: header.pop(label) and None


def _put(label: Any, value: Any) -> Callable[[dict[Any, Any]], None]:
    return lambda header: header.update({label: value})


def _claim(label: Any, value: Any) -> Callable[[dict[Any, Any]], None]:
    return lambda header: header[CLAIMS].update({label: value})


for _name, _code, _what, _change in (
    ("without-algorithm", MALFORMED, "No algorithm.", _drop(ALG)),
    ("without-key-id", MALFORMED, "No key id.", _drop(KID)),
    ("without-claims", MALFORMED, "No claims.", _drop(CLAIMS)),
    ("critical", MALFORMED, "A header that names critical ones.", _put(2, [1])),
    ("content-type", MALFORMED, "A header more.", _put(3, 60)),
    ("algorithm-text", MALFORMED, "An algorithm by name.", _put(ALG, "EdDSA")),
    ("key-id-of-7", MALFORMED, "A key id of 7 bytes.", _put(KID, bytes(7))),
    ("key-id-text", MALFORMED, "A key id in text.", _put(KID, "x" * 8)),
    ("claims-array", MALFORMED, "Claims in an array.", _put(CLAIMS, [])),
):
    _statement(f"header-{_name}", _code, _what, change=_change)

_statement("header-an-array", MALFORMED, "A header in an array.", protected=b"\x80")
_statement("header-rubbish", MALFORMED, "A header that is no CBOR.", protected=b"\xff")
_statement(
    "header-nested-17-deep",
    LIMIT,
    "Seventeen arrays in each other in a header.",
    protected=b"\x81" * 17 + b"\1",
)
_statement("header-4097", LIMIT, "A byte too many.", change=header_of(4097))


def _header_bytes(
    name: str, code: str, why: str, change: Callable[[dict[Any, Any]], bytes]
) -> None:
    def make(forge: Forge) -> bytes:
        header: dict[Any, Any] = {}
        forge.statement(change=lambda made: header.update(made))
        return forge.envelope(forge.statement(protected=change(header)))

    _enveloped(name, code, why, make)


_header_bytes(
    "header-a-byte-behind",
    CANONICAL,
    "A byte behind a header's map.",
    lambda header: encode(header) + b"\0",
)
_header_bytes(
    "header-unsorted",
    CANONICAL,
    "A header whose labels are in the wrong order.",
    lambda header: encode(Pairs([*header.items()][::-1])),
)
_header_bytes(
    "header-label-twice",
    MALFORMED,
    "A header with two algorithms.",
    lambda header: encode(Pairs([(ALG, -19), *header.items()])),
)
_header_bytes(
    "header-algorithm-too-long",
    CANONICAL,
    "An algorithm in one byte more than it needs.",
    lambda header: encode({**header, ALG: Raw(head(1, 18, width=1))}),
)

for _name, _code, _what, _change in (
    ("without-expiry", MALFORMED, "No exp.", lambda h: h[CLAIMS].pop(EXP) and None),
    ("without-issue", MALFORMED, "No iat.", lambda h: h[CLAIMS].pop(IAT) and None),
    ("audience", MALFORMED, "An audience in a statement.", _claim(AUD, "support")),
    ("issuer", MALFORMED, "A claim more, the issuer's.", _claim(1, "sales")),
    ("issued-text", MALFORMED, "An instant in text.", _claim(IAT, "now")),
    ("issued-true", MALFORMED, "An instant 'true'.", _claim(IAT, True)),
    ("issued-negative", MALFORMED, "An instant before 1970.", _claim(IAT, -1)),
    ("expires-nil", MALFORMED, "No instant.", _claim(EXP, None)),
    (
        "expires-after-9999",
        MALFORMED,
        "An instant of the year 10000.",
        _claim(EXP, 253_402_300_800),
    ),
    ("private-map", MALFORMED, "Private claims in a map.", _claim(PRIVATE, {})),
    ("private-of-four", MALFORMED, "No flags.", lambda h: h[CLAIMS][PRIVATE].pop() * 0),
    (
        "private-of-six",
        MALFORMED,
        "A private claim more.",
        lambda h: h[CLAIMS][PRIVATE].append(0),
    ),
):
    _statement(f"claims-{_name}", _code, _what, change=_change)

_IDS = [bytes([n]) * 32 for n in range(20)]
for _name, _code, _what, _origin in (
    ("nonce-of-15", MALFORMED, "A nonce of 15 bytes.", bytes(15)),
    ("nonce-of-17", MALFORMED, "A nonce of 17 bytes.", bytes(17)),
    ("nonce-text", MALFORMED, "A nonce in text.", "x" * 16),
    ("origin-nil", MALFORMED, "Neither parents nor nonce.", None),
    ("no-parents", MALFORMED, "An empty array of parents.", []),
    ("parent-of-31", MALFORMED, "A parent of 31 bytes.", [bytes(31)]),
    ("parent-text", MALFORMED, "A parent in text.", ["x" * 32]),
    ("parents-unsorted", CANONICAL, "Parents in the wrong order.", _IDS[1::-1]),
    ("parent-twice", CANONICAL, "A parent two times.", _IDS[:1] * 2),
    ("17-parents", LIMIT, "One parent too many.", _IDS[:17]),
):
    _statement(
        f"claims-{_name}",
        _code,
        _what,
        change=lambda h, origin=_origin: h[CLAIMS][PRIVATE].__setitem__(0, origin),
    )

for _name, _what, _channel in (
    ("empty", "No channel.", ""),
    ("of-33", "A channel of 33 characters.", "x" * 33),
    ("capital", "A channel in capitals.", "Chat"),
    ("sign-first", "A channel that begins with a sign.", "-chat"),
    ("line-feed", "A channel with a line feed.", "chat\n"),
    ("digit-of-others", "An Arabic digit.", "chat\u0661"),
    ("bytes", "A channel in bytes.", b"chat"),
):
    _statement(f"claims-channel-{_name}", MALFORMED, _what, channel=_channel)
for _name, _what, _revision in (
    ("negative", "A negative revision.", -1),
    ("of-64-bits", "A revision of 64 bits.", 2**63),
    ("text", "A revision in text.", "4"),
    ("true", "A revision 'true'.", True),
):
    _statement(f"claims-revision-{_name}", MALFORMED, _what, revision=_revision)
for _name, _what, _flags in (
    ("unknown", "A flag that is not known.", 32),
    ("negative", "Negative flags.", -1),
    ("true", "Flags 'true'.", True),
):
    _statement(f"claims-flags-{_name}", MALFORMED, _what, flags=_flags)

# --- clear facts (5) ---------------------------------------------------------

for _name, _code, _what, _clear in (
    ("array", MALFORMED, "Clear facts in an array.", []),
    ("nil", MALFORMED, "Nil for no clear facts.", Raw(b"\xf6")),
    ("field-0", MALFORMED, "Field 0.", {0: "x"}),
    ("field-65536", MALFORMED, "A field too high.", {65536: "x"}),
    ("field-too-low", MALFORMED, "A field too low.", {-65536: "x"}),
    ("value-nil", MALFORMED, "Nil, which is no clear value.", {5: None}),
    ("value-bytes", MALFORMED, "A clear value of bytes.", {5: b"x"}),
    ("value-array", MALFORMED, "A clear value of an array.", {5: {0: ["x"]}}),
    ("value-of-33", MALFORMED, "A value of 33 bytes.", {5: "x" * 31}),
    ("two-facts", MALFORMED, "Two facts of a field.", {5: ["x", "y"]}),
    ("qualifier", MALFORMED, "A qualifier.", {5: {0: "x", 3: "q"}}),
    ("label", MALFORMED, "A label that is not known.", {5: {0: "x", 5: 1}}),
    ("known", MALFORMED, "A way to know that is not known.", {5: {0: "x", 1: 4}}),
    ("known-text", MALFORMED, "A way to know in text.", {5: {0: "x", 1: "x"}}),
    ("age-negative", MALFORMED, "A negative age.", {5: {0: "x", 2: -1}}),
    ("age-too-great", MALFORMED, "An age too great.", {5: {0: "x", 2: 2**40 + 1}}),
    ("reporter-empty", MALFORMED, "A reporter without name.", {5: {0: "x", 4: ""}}),
    ("reporter-nil", MALFORMED, "A reporter 'nil'.", {5: {0: "x", 4: None}}),
    ("reporter-long", MALFORMED, "A long name.", {5: {0: "x", 4: "x" * 65}}),
    ("in-a-map", CANONICAL, "A bare value in a map.", {5: {0: "x"}}),
    ("stated", CANONICAL, "'Stated' is left out.", {5: {0: "x", 1: 2}}),
    ("age-0", CANONICAL, "An age of 0 is left out.", {5: {0: "x", 2: 0}}),
    ("65", LIMIT, "A fact too many.", dict.fromkeys(range(1, 66), 0)),
):
    _statement(f"clear-{_name}", _code, _what, clear=_clear)

# --- the delivery (7) --------------------------------------------------------

for _name, _what, _change in (
    ("nil", "No delivery.", lambda wire: wire.__setitem__(2, None)),
    ("of-three", "No signature.", lambda wire: wire[2].pop() and None),
    ("unprotected", "A header.", lambda wire: wire[2][1].update({4: b"x"})),
    ("payload", "A payload.", lambda wire: wire[2].__setitem__(2, b"")),
    (
        "signature-of-65",
        "A signature of 65 bytes.",
        lambda wire: wire[2].__setitem__(3, wire[2][3] + b"\0"),
    ),
):
    _changed(f"delivery-{_name}", MALFORMED, _what, _change)
for _name, _code, _what, _options in (
    ("audience-empty", MALFORMED, "An audience without name.", {"to": ""}),
    ("audience-of-65", MALFORMED, "A long name.", {"to": "\u00fc" * 65}),
    ("audience-array", MALFORMED, "Two audiences.", {"to": ["support"]}),
    ("id-of-7", MALFORMED, "An id of 7 bytes.", {"delivery_id": bytes(7)}),
    ("id-nil", MALFORMED, "No id.", {"delivery_id": None}),
    ("expires-first", MALFORMED, "It ends before it begins.", {"exp": NOW - 1}),
    ("expires-nil", MALFORMED, "Nil.", {"change": _claim(EXP, None)}),
    ("issued-late", MALFORMED, "Year 10000.", {"change": _claim(IAT, 253_402_300_800)}),
    ("private-empty", MALFORMED, "No arrival.", {"private": []}),
    ("private-of-four", MALFORMED, "More.", {"private": [3, bytes(8), bytes(32), 0]}),
    ("private-map", MALFORMED, "A map.", {"private": {0: 3}}),
    ("arrival-4", MALFORMED, "An arrival that is not known.", {"private": [4]}),
    ("arrival-negative", MALFORMED, "A negative arrival.", {"private": [-1]}),
    ("arrival-true", MALFORMED, "An arrival 'true'.", {"private": [True]}),
    ("reply-of-7", MALFORMED, "A reply-to of 7 bytes.", {"private": [3, bytes(7)]}),
    ("reply-text", MALFORMED, "A reply-to in text.", {"private": [3, "x" * 8]}),
    ("binding-of-31", MALFORMED, "Too short.", {"private": [3, None, bytes(31)]}),
    ("trailing-nil", CANONICAL, "A nil behind the arrival.", {"private": [3, None]}),
    ("two-trailing-nils", CANONICAL, "Two nils.", {"private": [3, None, None]}),
    (
        "nil-behind-reply",
        CANONICAL,
        "A nil behind the reply-to.",
        {"private": [3, bytes(8), None]},
    ),
    ("subject", MALFORMED, "A claim more.", {"change": _claim(2, "alex")}),
    (
        "without-id",
        MALFORMED,
        "No cti.",
        {"change": lambda header: header[CLAIMS].pop(CTI) and None},
    ),
    ("header-label", MALFORMED, "A header more.", {"change": _put(3, 60)}),
    ("header-rubbish", MALFORMED, "No CBOR.", {"protected": b"\xff"}),
    ("header-4097", LIMIT, "Too long.", {"protected": encode(bytes(4094))}),
):
    _delivery(f"delivery-{_name}", _code, _what, **_options)

# --- the graph (8) -----------------------------------------------------------


def _graph(name: str, code: str, why: str, **parents: str) -> None:
    """
    Add a vector of ids and parents only, where no real statements can be so.
    """

    def name_of(node: str) -> str:
        return digest(node.encode()).hex()

    graph = [
        {"id": name_of(node), "parents": sorted(map(name_of, named))}
        for node, named in parents.items()
    ]
    graph.sort(key=lambda entry: str(entry["id"]))
    add_invalid(
        name,
        why,
        lambda _: Vector(graph=graph, error=code, how={"open": "graph"}),
    )


_graph(
    "graph-circle",
    "cyclic_graph",
    "Two statements descend from each other. No envelope can be so while SHA-256 "
    "holds, for an id covers the parents: so ids are given.",
    r="",
    a="rb",
    b="a",
)
_graph("graph-own-parent", "cyclic_graph", "Its own parent.", r="", a="ra")
_graph(
    "graph-circle-of-three",
    "cyclic_graph",
    "Three statements in a circle, one of them the only head's parent.",
    r="",
    a="rc",
    b="a",
    c="b",
    d="c",
)
_graph("graph-no-root", "not_one_root", "Two in a circle, no root.", a="b", b="a")


def _two_roots(forge: Forge) -> bytes:
    other = forge.statement(origin=bytes(16))
    return forge.envelope(forge.statement(says=SAYS), other)


def _joined(forge: Forge) -> bytes:
    roots = forge.statement(says=SAYS), forge.statement(origin=bytes(16))
    return forge.envelope(*roots, forge.statement(*roots))


_enveloped("graph-two-roots", "not_one_root", "Two roots.", _two_roots)
_enveloped(
    "graph-two-journeys-joined",
    "not_one_root",
    "A statement that builds upon two roots.",
    _joined,
)
_enveloped(
    "graph-root-missing",
    "not_one_root",
    "The root was cut off.",
    lambda forge: forge.envelope(_chain(forge, 2)[1]),
)
_enveloped(
    "graph-parent-missing",
    "missing_parent",
    "One of three in a row was cut out.",
    lambda forge: forge.envelope(*_chain(forge, 3)[::2]),
)


def _one_of_two(forge: Forge) -> bytes:
    root, child = _chain(forge, 2)
    return forge.envelope(root, forge.statement(root, child))


_enveloped(
    "graph-one-of-two-parents-missing",
    "missing_parent",
    "One of two parents was cut out.",
    _one_of_two,
)


def _heads(forge: Forge, count: int) -> bytes:
    root = forge.statement()
    return forge.envelope(
        root, *(forge.statement(root, channel=f"c{n}") for n in range(count))
    )


_enveloped(
    "graph-33-heads",
    LIMIT,
    "One head too many.",
    lambda forge: _heads(forge, 33),
)

# --- keys (9, 10) ------------------------------------------------------------

_delivery(
    "key-unknown",
    "unknown_key",
    "Delivered by a key that the receiver's key set does not have.",
    by="ivr",
    keys="acme",
    change=_put(KID, bytes(8)),
)


def _from_ivr(shop: Workshop) -> Vector:
    forge = shop.forge()
    return Vector(
        envelope=forge.envelope(forge.statement(), by="ivr"),
        error="unknown_key",
        keys="acme-before-ivr",
    )


add_invalid(
    "key-not-yet-known", "Delivered by ivr, to a key set from before it.", _from_ivr
)
_delivery(
    "key-wrong-algorithm",
    "wrong_algorithm",
    "ESP256 is claimed for an Ed25519 key.",
    change=_put(ALG, -9),
)
_delivery(
    "key-algorithm-unknown",
    "wrong_algorithm",
    "An algorithm that leaves the curve open, which nobody signs with.",
    change=_put(ALG, -8),
)
_delivery(
    "key-wrong-algorithm-p256",
    "wrong_algorithm",
    "Ed25519 is claimed for a P-256 key.",
    keys="acme-p256",
    change=_put(ALG, -19),
)
_delivery("key-revoked", "key_revoked", "The key is revoked.", by="rogue")
_delivery(
    "key-not-yet-valid",
    "key_not_yet_valid",
    "The key signs from 30 days on, less a second.",
    by="coming",
    iat=NOW + 30 * DAY_S - 1,
    now=NOW + 30 * DAY_S,
)
_delivery(
    "key-past-signing",
    "key_retired",
    "The key signed until 10 days ago; it says it signed a second later.",
    by="leaving",
    iat=NOW - 10 * DAY_S + 1,
    lifetime=20 * DAY_S,
    how={"max_lifetime": 30 * DAY_S},
)


def _verified_until(name: str, late: int, error: str) -> None:
    def maker(shop: Workshop) -> Vector:
        forge = shop.forge(now=NOW - 10 * DAY_S)
        lifetime = 100 * DAY_S
        return Vector(
            envelope=forge.envelope(
                forge.statement(by="leaving"), by="leaving", lifetime=lifetime
            ),
            # The root expires when its key does.
            now=NOW + 80 * DAY_S + late,
            how={"max_lifetime": lifetime},
            error=error,
        )

    why = "Signed in time by a key that verifies nothing any more."
    add_invalid(name, why, maker)


_verified_until("key-past-verifying", 0, "key_retired")

for _name, _code, _what, _options in (
    ("wrong-algorithm", "wrong_algorithm", "ESP256.", {"change": _put(ALG, -9)}),
    ("revoked", "key_revoked", "A revoked key.", {"by": "rogue"}),
    (
        "not-yet-valid",
        "key_not_yet_valid",
        "A key that is not valid yet.",
        {"by": "coming"},
    ),
    (
        "past-signing",
        "key_retired",
        "A key that signs no more.",
        {"by": "leaving", "iat": NOW - 10 * DAY_S + 1},
    ),
):
    _statement(
        f"statement-key-{_name}",
        _code,
        f"A root by {_what[0].lower()}{_what[1:]}",
        **_options,
    )

# --- times (11, 19) ----------------------------------------------------------

_delivery(
    "delivery-from-the-future",
    "issued_in_future",
    "Dated 61 seconds ahead of the receiver's clock.",
    iat=NOW + 61,
)
_delivery(
    "delivery-expired",
    "delivery_expired",
    "Expired 60 seconds ago.",
    now=NOW + 360,
)
_statement(
    "statement-expires-first",
    "statement_times",
    "A root that ends before it begins.",
    exp=NOW - 1,
)
_statement(
    "statement-lives-too-long",
    "statement_times",
    "A root that lives a second longer than 90 days.",
    exp=NOW + LIFETIME_S + 1,
)


def _second(
    name: str, code: str, why: str, *, first: dict[str, Any], **options: Any
) -> None:
    """
    Add a vector of two statements, the second built upon, so that it cannot be cut.
    """

    def make(forge: Forge) -> bytes:
        forge.now = NOW + 60
        root = forge.statement(**first)
        child = forge.statement(root, **options)
        last = forge.statement(child)
        return forge.envelope(root, child, last)

    _enveloped(
        name,
        code,
        why,
        lambda forge: Vector(envelope=make(forge), error=code, now=NOW + 60),
    )


_second(
    "statement-before-its-parent",
    "statement_times",
    "A statement dated a second before what it builds upon.",
    first={"iat": NOW + 2},
    iat=NOW + 1,
    exp=NOW + 2 + LIFETIME_S,
)
_second(
    "statement-ends-before-its-parent",
    "statement_times",
    "A statement that ends a second before what it builds upon.",
    first={"iat": NOW},
    iat=NOW,
    exp=NOW + LIFETIME_S - 1,
)
_second(
    "statement-outlives-what-it-may",
    "statement_times",
    "A statement that lives longer than 90 days, and longer than its parent.",
    first={"iat": NOW},
    iat=NOW + 5,
    exp=NOW + 5 + LIFETIME_S + 1,
)

# --- what the receiver accepts (12 to 17) ------------------------------------

_delivery(
    "accept-rest-received",
    "wrong_delivery_kind",
    "What rests is received as if it were handed over.",
    lifetime=None,
)
_delivery(
    "accept-hand-over-resumed",
    "wrong_delivery_kind",
    "What was handed over is resumed as if it had rested.",
    how={"open": "resume"},
)
_delivery("accept-another-audience", "wrong_audience", "For billing.", to="ivr")
_delivery(
    "accept-handed-to-all",
    "wrong_audience",
    "A hand-over has exactly one audience, and not all.",
    change=_claim(AUD, "*"),
)
_delivery(
    "accept-rest-of-another",
    "wrong_audience",
    "What rests for the department that laid it to rest.",
    lifetime=None,
    change=_claim(AUD, "sales"),
    how={"open": "resume"},
)
_delivery(
    "accept-too-long",
    "delivery_too_long",
    "A delivery of 301 seconds.",
    lifetime=301,
)
_delivery(
    "accept-too-long-for-a-queue",
    "delivery_too_long",
    "A delivery of an hour and a second, where an hour is accepted.",
    lifetime=3601,
    how={"max_lifetime": 3600},
)
_delivery(
    "accept-bound-otherwise",
    "wrong_binding",
    "Bound to another call.",
    binding=b"call 1",
    how={"binding": b"call 2".hex()},
)
_delivery(
    "accept-bound-unawares",
    "wrong_binding",
    "Bound to a call where the receiver knows of none.",
    binding=b"call 1",
)
_delivery(
    "accept-unbound",
    "wrong_binding",
    "Not bound, where the receiver knows of a call.",
    how={"binding": b"call 2".hex()},
)
_delivery(
    "accept-rest-bound",
    "wrong_binding",
    "What rests is bound to nothing.",
    lifetime=None,
    change=_claim(PRIVATE, [3, None, bytes(32)]),
    how={"open": "resume"},
)
_delivery(
    "accept-reply-to-another",
    "wrong_reply",
    "It answers another request.",
    reply_to=bytes(8),
    how={"reply_to": b"\1".hex() * 8},
)
_delivery(
    "accept-reply-to-nothing",
    "wrong_reply",
    "It answers a request, and none was made.",
    reply_to=bytes(8),
)
_delivery(
    "accept-no-reply",
    "wrong_reply",
    "It answers nothing, and a request was made.",
    how={"reply_to": bytes(8).hex()},
)
_delivery(
    "external-sender",
    "external_author",
    "A partner hands over a journey that is no export.",
    by="carrier",
)


def _partner(
    name: str,
    why: str,
    *,
    by: str,
    to: str = "support",
    open_: str = "receive",
    root_by: str = "sales",
) -> None:
    """
    Add a vector of an export that its reader does not take from this sender.
    """

    def maker(shop: Workshop) -> Vector:
        forge = shop.forge()
        root = forge.statement(by=root_by, flags=4, says={6: {51: "packed"}})
        lifetime = None if open_ == "resume" else 300
        return Vector(
            envelope=forge.envelope(root, by=by, to=to, lifetime=lifetime),
            to=to,
            error="external_author",
            how={"open": open_},
        )

    add_invalid(name, why, maker)


_partner(
    "external-sender-of-an-export",
    "A partner's answer to an export, received as if it were one of ours.",
    by="carrier",
)
_partner(
    "external-answer-by-our-own",
    "An answer is waited for, and one of our departments sends it.",
    by="sales",
    open_="answer",
)
_partner(
    "external-rest",
    "What a partner laid to rest, resumed by one of ours.",
    by="carrier",
    open_="resume",
)
_partner(
    "external-to-another-partner",
    "A partner hands an export on to another partner.",
    by="carrier",
    to="courier",
)
_partner(
    "external-export-of-its-own",
    "A partner begins an export, and waits for what it takes for an answer.",
    by="sales",
    root_by="courier",
    to="carrier",
)
_statement("external-root", "external_author", "A root by a partner.", by="carrier")
_second(
    "external-author-built-upon",
    "external_author",
    "A partner's statement in a journey that is no export, built upon by ours.",
    first={},
    by="carrier",
)

# --- signatures (18, 19) -----------------------------------------------------


def _resigned(change: Callable[[Wire], Any], **options: Any) -> Callable[[Forge], Any]:
    """
    Return the maker of an envelope whose root was changed and delivered genuinely.
    """

    def make(forge: Forge) -> bytes:
        root = forge.statement(says=SAYS, **options)
        change(root)
        return forge.envelope(root)

    return make


_changed(
    "signature-delivery-bit",
    "bad_delivery_signature",
    "One bit of the delivery's signature is another.",
    lambda wire: wire[2].__setitem__(3, flip(wire[2][3], 300)),
)
_changed(
    "signature-delivery-zero",
    "bad_delivery_signature",
    "A signature of zeros.",
    lambda wire: wire[2].__setitem__(3, bytes(64)),
)


def _larger_s(signature: bytes) -> bytes:
    number = int.from_bytes(signature[32:], "little") + ED25519_ORDER
    return signature[:32] + number.to_bytes(32, "little")


def _high_s(signature: bytes) -> bytes:
    number = P256_ORDER - int.from_bytes(signature[32:])
    return signature[:32] + number.to_bytes(32)


_changed(
    "signature-delivery-s-too-large",
    "bad_delivery_signature",
    "Ed25519: the group's order was added to s, which says the same otherwise.",
    lambda wire: wire[2].__setitem__(3, _larger_s(wire[2][3])),
)


def _p256(name: str, code: str, why: str, place: Callable[[Wire], Wire]) -> None:
    def maker(shop: Workshop) -> Vector:
        forge = shop.forge("acme-p256")
        root = forge.statement(says=SAYS)
        wire = forge.wire(root)
        changed = place(wire)
        changed[3] = _high_s(changed[3])
        if changed is not wire[2]:
            wire = forge.wire(changed)
        return Vector(envelope=encode(wire), error=code, keys="acme-p256")

    add_invalid(name, why, maker)


_p256(
    "signature-delivery-high-s",
    "bad_delivery_signature",
    "ESP256: the other s, which says the same otherwise.",
    lambda wire: wire[2],
)
_p256(
    "signature-statement-high-s",
    "forged_statement",
    "ESP256: the other s in a statement.",
    lambda wire: wire[1][0],
)
_delivery(
    "signature-delivery-of-another-domain",
    "bad_delivery_signature",
    "Signed for another domain.",
    domain="rival.example",
)
_delivery(
    "signature-delivery-as-statement",
    "bad_delivery_signature",
    "Signed as a statement.",
    use="statement",
)


def _by_support(forge: Forge) -> bytes:
    root = forge.statement(says=SAYS)
    return forge.envelope(root, signer=forge.signer("support"))


_enveloped(
    "signature-delivery-by-another",
    "bad_delivery_signature",
    "Signed with another key than it names.",
    _by_support,
)
_enveloped(
    "signature-statement-bit",
    "forged_statement",
    "One bit of the root's signature is another, and the delivery genuine.",
    _resigned(lambda root: root.__setitem__(3, flip(root[3], 300))),
)
_enveloped(
    "signature-statement-s-too-large",
    "forged_statement",
    "Ed25519: the group's order was added to s.",
    _resigned(lambda root: root.__setitem__(3, _larger_s(root[3]))),
)
_statement(
    "signature-statement-of-another-domain",
    "forged_statement",
    "Signed for another domain.",
    domain="rival.example",
)
_statement(
    "signature-statement-as-delivery",
    "forged_statement",
    "Signed as a delivery.",
    use="delivery",
)
_enveloped(
    "signature-statement-by-another",
    "forged_statement",
    "Signed with another key than it names.",
    lambda forge: forge.envelope(
        forge.statement(says=SAYS, signer=forge.signer("support"))
    ),
)


def _built_upon(forge: Forge) -> bytes:
    root = forge.statement()
    child = forge.statement(root, by="billing", says=SAYS)
    child[3] = flip(child[3])
    return forge.envelope(root, child, forge.statement(child, by="support"))


_enveloped(
    "signature-statement-built-upon",
    "forged_statement",
    "A forgery in the middle, that somebody genuine builds upon.",
    _built_upon,
)

# --- splices (18, 19) --------------------------------------------------------


def _journeys(forge: Forge) -> tuple[list[Wire], list[Wire]]:
    """
    Return two journeys of two statements each.
    """
    found = []
    for number in range(2):
        root = forge.statement(
            origin=bytes([number]) * 16, says={2: {10: f"A-{number}"}}
        )
        child = forge.statement(root, by="support", says={1: {1: f"Alex {number}"}})
        found.append([root, child])
    return found[0], found[1]


def _splice(
    name: str, code: str, why: str, make: Callable[[Forge, Any, Any], bytes]
) -> None:
    _enveloped(name, code, why, lambda forge: make(forge, *_journeys(forge)))


def _swapped(one: Wire, other: Wire) -> Wire:
    """
    Return a statement with the sections of another.
    """
    return [one[0], other[1], None, one[3]]


_splice(
    "splice-delivery",
    "bad_delivery_signature",
    "The delivery of one journey before the statements of another.",
    lambda forge, one, other: forge.envelope(*one, delivery=forge.delivery(other)),
)
_splice(
    "splice-statement-removed",
    "bad_delivery_signature",
    "The last statement was removed after the delivery was signed.",
    lambda forge, one, _: forge.envelope(one[0], delivery=forge.delivery(one)),
)
_splice(
    "splice-statement-added",
    "bad_delivery_signature",
    "A statement was added after the delivery was signed.",
    lambda forge, one, _: forge.envelope(*one, delivery=forge.delivery(one[:1])),
)
_splice(
    "splice-section-withheld",
    "bad_delivery_signature",
    "A section was withheld after the delivery was signed.",
    lambda forge, one, _: forge.envelope(
        withheld(one[0], 2), one[1], delivery=forge.delivery(one)
    ),
)
_splice(
    "splice-section-restored",
    "bad_delivery_signature",
    "A withheld section was put back after the delivery was signed.",
    lambda forge, one, _: forge.envelope(
        *one, delivery=forge.delivery([withheld(one[0], 2), one[1]])
    ),
)
_splice(
    "splice-sections",
    "bad_delivery_signature",
    "A root with the section of another journey's root.",
    lambda forge, one, other: forge.envelope(
        _swapped(one[0], other[0]), delivery=forge.delivery(one[:1])
    ),
)
_splice(
    "splice-sections-delivered",
    "forged_statement",
    "The same, delivered by an insider.",
    lambda forge, one, other: forge.envelope(_swapped(one[0], other[0])),
)
_splice(
    "splice-headers-delivered",
    "forged_statement",
    "A root with the header of another journey's root, delivered by an insider.",
    lambda forge, one, other: forge.envelope([other[0][0], one[0][1], None, one[0][3]]),
)
_splice(
    "splice-statement-of-another-journey",
    "missing_parent",
    "A statement of another journey, delivered by an insider.",
    lambda forge, one, other: forge.envelope(one[0], other[1]),
)
_splice(
    "splice-journeys",
    "not_one_root",
    "Two journeys in one envelope, delivered by an insider.",
    lambda forge, one, other: forge.envelope(*one, *other),
)
_splice(
    "splice-digest-changed",
    "forged_statement",
    "A withheld section's digest was changed, and delivered by an insider.",
    lambda forge, one, _: forge.envelope(
        [one[0][0], {SECTIONS: {2: [bytes(32)]}}, None, one[0][3]]
    ),
)
_splice(
    "splice-scope-removed",
    "forged_statement",
    "A section was removed without leaving its digest.",
    lambda forge, one, _: forge.envelope([one[0][0], {}, None, one[0][3]]),
)
_splice(
    "splice-scope-moved",
    "forged_statement",
    "A section was moved to another scope.",
    lambda forge, one, _: forge.envelope(
        [one[0][0], {SECTIONS: {3: one[0][1][SECTIONS][2]}}, None, one[0][3]]
    ),
)

# --- the journey as a whole (20, 21) -----------------------------------------


def _expired(forge: Forge) -> Vector:
    root = forge.statement(exp=NOW + 10)
    child = forge.statement(root, by="support", iat=NOW + 5, exp=NOW + 20)
    beside = forge.statement(root, exp=NOW + 20)
    return Vector(
        envelope=forge.envelope(root, child, beside, iat=NOW + 20),
        now=NOW + 20,
        error="journey_expired",
    )


_enveloped("journey-expired", "journey_expired", "Both heads have expired.", _expired)


def _left_expired(forge: Forge) -> Vector:
    root = forge.statement(exp=NOW + 10)
    child = forge.statement(root, by="rogue")
    return Vector(
        envelope=forge.envelope(root, child, iat=NOW + 10),
        now=NOW + 10,
        error="journey_expired",
    )


_enveloped(
    "journey-expired-but-for-what-is-left-out",
    "journey_expired",
    "The only head that has not expired is by a revoked key, and left out.",
    _left_expired,
)
_delivery(
    "replayed",
    "replayed",
    "The second of two, where each delivery is taken once.",
    how={"received_before": 1, "once": True},
)

# --- two faults --------------------------------------------------------------

_changed(
    "order-version-before-shape",
    "unsupported_version",
    "Another version, and two elements.",
    lambda wire: [3, wire[1]],
)
_enveloped(
    "order-statement-before-delivery",
    CANONICAL,
    "A statement's parents are unsorted; the delivery is nil.",
    lambda forge: encode([1, [forge.statement(origin=_IDS[1::-1])], None]),
)
_enveloped(
    "order-sections-before-header",
    LIMIT,
    "A section is too long; the header is no CBOR.",
    lambda forge: forge.envelope(
        forge.statement(protected=b"\xff", raw={2: encode([1, bytes(18_433)])})
    ),
)


def _two_faulty(forge: Forge) -> bytes:
    """
    Return two roots, the first by id malformed, the second over a limit.
    """
    nonce = 0
    while True:
        one = forge.statement(origin=bytes([nonce]) * 16, channel="X")
        other = forge.statement(origin=bytes([nonce]) * 16, change=header_of(4097))
        if identify(one) < identify(other):
            return forge.envelope(one, other)
        nonce += 1


_enveloped(
    "order-statements-in-turn",
    MALFORMED,
    "The first statement is malformed, the second over a limit.",
    _two_faulty,
)
_changed(
    "order-statements-twice-before-delivery",
    CANONICAL,
    "The same statement twice; the delivery is nil.",
    lambda wire: [1, wire[1] * 2, None],
)
_enveloped(
    "order-delivery-before-graph",
    MALFORMED,
    "The delivery names an unknown arrival; there are two roots.",
    lambda forge: forge.envelope(
        forge.statement(), forge.statement(origin=bytes(16)), arrival=9
    ),
)
_enveloped(
    "order-graph-before-key",
    "missing_parent",
    "A parent is missing; the delivery's key is not known.",
    lambda forge: forge.envelope(*_chain(forge, 3)[::2], change=_put(KID, bytes(8))),
)
_delivery(
    "order-algorithm-before-revocation",
    "wrong_algorithm",
    "A revoked key, under another algorithm.",
    by="rogue",
    change=_put(ALG, -9),
)
_delivery(
    "order-key-before-time",
    "key_revoked",
    "A revoked key, and a delivery from the future.",
    by="rogue",
    iat=NOW + 61,
)
_delivery(
    "order-key-window-before-future",
    "key_not_yet_valid",
    "A key that is not valid yet signed ahead of the clock.",
    by="coming",
    iat=NOW + 61,
)
_delivery(
    "order-expiry-before-kind",
    "delivery_expired",
    "Expired, and resumed.",
    now=NOW + 360,
    how={"open": "resume"},
)
_delivery(
    "order-kind-before-audience",
    "wrong_delivery_kind",
    "At rest, for another.",
    lifetime=None,
    to="ivr",
)
_delivery(
    "order-audience-before-length",
    "wrong_audience",
    "For another, and too long.",
    lifetime=301,
    to="ivr",
)
_delivery(
    "order-length-before-binding",
    "delivery_too_long",
    "Too long, and bound.",
    lifetime=301,
    binding=b"x",
)
_delivery(
    "order-binding-before-reply",
    "wrong_binding",
    "Bound, and a reply.",
    binding=b"x",
    reply_to=bytes(8),
)
_delivery(
    "order-reply-before-partner",
    "wrong_reply",
    "A reply to nothing, by a partner.",
    by="carrier",
    reply_to=bytes(8),
)
_delivery(
    "order-partner-before-signature",
    "external_author",
    "By a partner, signed for another domain.",
    by="carrier",
    domain="rival.example",
)
_enveloped(
    "order-delivery-before-statements",
    "bad_delivery_signature",
    "Neither the delivery's nor the root's signature verifies.",
    lambda forge: forge.envelope(
        forge.statement(domain="rival.example"), domain="rival.example"
    ),
)
_statement(
    "order-key-window-before-times",
    "key_retired",
    "A root by a key that signs no more, which ends before it begins.",
    by="leaving",
    iat=NOW,
    exp=NOW - 1,
)
_statement(
    "order-partner-before-times",
    "external_author",
    "A root by a partner, which ends before it begins.",
    by="carrier",
    exp=NOW - 1,
)
_statement(
    "order-times-before-signature",
    "statement_times",
    "A root that ends before it begins, signed for another domain.",
    exp=NOW - 1,
    domain="rival.example",
)


def _first_descendant(forge: Forge) -> bytes:
    """
    Return two failures in a row, of which only the second is built upon directly.
    """
    root = forge.statement()
    one = forge.statement(root, by="carrier")
    other = forge.statement(one, by="rogue")
    return forge.envelope(root, one, other, forge.statement(other, by="support"))


_enveloped(
    "order-first-failed-ancestor",
    "external_author",
    "Two failed statements in a row, and a genuine one upon them: the first counts.",
    _first_descendant,
)


def _first_genuine(forge: Forge) -> bytes:
    """
    Return a failure that is first, and one whose genuine descendant is first.
    """
    root = forge.statement()
    one = forge.statement(root, by="carrier")
    first = forge.statement(root, by="rogue")
    last = forge.statement(first, by="support")
    later = forge.statement(forge.statement(one, by="carrier"), by="support")
    middle = forge.statement(one, by="carrier")
    later = forge.statement(middle, by="support")
    return forge.envelope(root, one, middle, later, first, last)


_enveloped(
    "order-first-genuine-descendant",
    "key_revoked",
    "Two branches, each with failures that somebody genuine builds upon: that of the "
    "genuine statement which comes first in topological order counts.",
    _first_genuine,
)
_statement(
    "order-signature-before-clock",
    "forged_statement",
    "A root dated ahead of the clock, signed for another domain.",
    iat=NOW + 61,
    domain="rival.example",
)
_enveloped(
    "order-times-before-clock",
    "statement_times",
    "A statement that outlives its key, which verifies no more, and what it may.",
    lambda forge: Vector(
        envelope=forge.envelope(
            forge.statement(
                by="leaving", iat=NOW - 10 * DAY_S, exp=NOW + 80 * DAY_S + 1
            ),
            iat=NOW + 80 * DAY_S,
        ),
        now=NOW + 80 * DAY_S,
        error="statement_times",
    ),
)
_enveloped(
    "order-forgery-before-expiry",
    "key_revoked",
    "The only statement fails, and has expired.",
    lambda forge: Vector(
        envelope=forge.envelope(
            forge.statement(by="rogue", exp=NOW + 10), iat=NOW + 10
        ),
        now=NOW + 10,
        error="key_revoked",
    ),
)
_enveloped(
    "order-expiry-before-replay",
    "journey_expired",
    "Expired, and it would be the second of two.",
    lambda forge: Vector(
        envelope=forge.envelope(forge.statement(exp=NOW + 10), iat=NOW + 10),
        now=NOW + 10,
        error="journey_expired",
        how={"once": True},
    ),
)

# --- sections that do not open -----------------------------------------------


def _unopenable(
    name: str,
    why: str,
    seal: Callable[[Forge, bytes], bytes],
    *,
    keys: str = "acme",
    scope: int = 2,
) -> None:
    def maker(shop: Workshop) -> Vector:
        forge = shop.forge(keys)
        root = forge.statement(
            sealing=lambda protected: {scope: seal(forge, protected)}
        )
        return Vector(
            envelope=forge.envelope(root),
            error="section_unopenable",
            how={"open_scope": scope},
            keys=keys,
        )

    add_invalid(name, why, maker)


PLAIN = pad(encode({10: "A-118"}))


def _sealed(change: Callable[[bytes], bytes]) -> Callable[[Forge, bytes], bytes]:
    """
    Return the sealer of a section whose sealed bytes are changed.
    """

    def seal(forge: Forge, protected: bytes) -> bytes:
        section = forge.seal(PLAIN, scope=2, protected=protected)
        # A generation below 24 is one byte, and the length that follows is two.
        return encode([1, change(section[4:])])

    return seal


_unopenable(
    "open-of-another-statement",
    "A section copied from another statement, whose author did not see it.",
    lambda forge, _: forge.seal(
        PLAIN, scope=2, protected=forge.statement(channel="phone")[0]
    ),
)
_unopenable(
    "open-of-another-domain",
    "Sealed for another domain.",
    lambda forge, protected: forge.seal(
        PLAIN, scope=2, protected=protected, domain="rival.example"
    ),
)
_unopenable(
    "open-of-another-scope",
    "Sealed for another scope, to this scope's key.",
    lambda forge, protected: forge.seal(PLAIN, scope=4, protected=protected, key_of=2),
)
_unopenable(
    "open-with-another-key",
    "Sealed to another scope's key.",
    lambda forge, protected: forge.seal(PLAIN, scope=2, protected=protected, key_of=4),
)
_unopenable(
    "open-of-another-generation",
    "Sealed to the second generation, and said to be of the first.",
    lambda forge, protected: encode(
        [1, forge.seal(PLAIN, scope=2, protected=protected, generation=2)[4:]]
    ),
    keys="acme-rotated",
)
_unopenable("open-empty", "No sealed bytes.", lambda _, __: encode([1, b""]))
_unopenable(
    "open-without-ciphertext", "Only the encapsulated key.", _sealed(lambda s: s[:32])
)
_unopenable("open-cut-off", "The last byte is missing.", _sealed(lambda s: s[:-1]))
_unopenable("open-lengthened", "A byte too many.", _sealed(lambda s: s + b"\0"))
_unopenable("open-tag-bit", "A bit of the tag.", _sealed(lambda s: flip(s, 8 * 70)))
_unopenable("open-key-bit", "A bit of the key.", _sealed(lambda s: flip(s, 8)))
_unopenable(
    "open-small-order",
    "An encapsulated key of small order.",
    _sealed(lambda s: bytes(32) + s[32:]),
)


def _hybrid(change: Callable[[bytes], bytes]) -> Callable[[Forge, bytes], bytes]:
    def seal(forge: Forge, protected: bytes) -> bytes:
        section = forge.seal(PLAIN, scope=2, protected=protected)
        # Two bytes of length follow the generation.
        return encode([1, change(section[5:])])

    return seal


for _name, _what, _change in (
    ("open-hybrid-lattice-bit", "A bit of ML-KEM's ciphertext.", lambda s: flip(s, 8)),
    ("open-hybrid-curve-bit", "A bit of X25519's.", lambda s: flip(s, 8 * 1100)),
    ("open-hybrid-cut-off", "Only ML-KEM's ciphertext.", lambda s: s[:1088]),
):
    _unopenable(_name, _what, _hybrid(_change), keys="acme-pq")

# --- sections that are malformed ---------------------------------------------

_padded(
    "padding-none",
    "No padding: a multiple of 32 as it is.",
    b"\xa1\x18\x1f\x78\x1b" + b"x" * 27,
)
_padded("padding-not-zeros", "A one among the zeros.", PLAIN[:-1] + b"\1")
_padded("padding-too-long", "32 zeros too many.", PLAIN + bytes(32))
_padded("padding-too-short", "A zero too few.", PLAIN[:-1])
_padded("padding-only", "Padding, and nothing before it.", b"\x80" + bytes(31))
_padded("padding-zeros", "Zeros alone.", bytes(32))
_padded("padding-empty", "Nothing at all.", b"")
_padded(
    "padding-16416",
    "More than 16,384 bytes.",
    pad(encode({36: "x" * 16_380})),
)

_LONG = "\U0001f525" * 65


def _deep(levels: int, innermost: Any) -> Any:
    for _ in range(levels):
        innermost = [innermost]
    return innermost


for _name, _what, _plain in (
    ("rubbish", "No CBOR.", b"\xff"),
    ("array", "An array.", [1]),
    ("byte-behind", "A byte behind it.", encode({31: 2}) + b"\0"),
    ("unsorted", "Fields in the wrong order.", Pairs([(31, 2), (30, "x")])),
    ("field-twice", "A field two times.", Pairs([(31, 2), (31, 3)])),
    ("indefinite", "An indefinite map.", b"\xbf\x18\x1f\x02\xff"),
    ("number-too-long", "A number in more bytes.", b"\xa1\x18\x1f\x18\x02"),
    ("text-field", "A field by name.", {"attempts": 2}),
    ("field-65536", "A field too high.", {65536: 2}),
    ("field-too-low", "A field too low.", {-65536: 2}),
    ("bytes-key", "A field in bytes.", {b"x": 2}),
    ("one-in-a-list", "A list of one fact.", {36: ["x"]}),
    ("none-in-a-list", "A list of no fact.", {36: []}),
    ("list-in-a-list", "A list among facts.", {36: ["x", ["y"]]}),
    ("two-without-qualifier", "Two facts of a field.", {36: ["x", "y"]}),
    (
        "two-of-a-qualifier",
        "Two facts of a qualifier.",
        {36: [{0: "x", 3: "q"}, {0: "y", 3: "q"}]},
    ),
    ("fact-label", "A label that is not known.", {31: {0: 2, 5: 0}}),
    ("fact-text-label", "A label in text.", {31: {0: 2, "known": 1}}),
    ("bare-in-a-map", "A bare value in a map.", {31: {0: 2}}),
    ("stated", "'Stated' is left out.", {31: {0: 2, 1: 2}}),
    ("known-4", "A way to know that is not known.", {31: {0: 2, 1: 4}}),
    ("known-true", "A way to know 'true'.", {31: {0: 2, 1: True}}),
    ("age-0", "An age of 0 is left out.", {31: {0: 2, 2: 0}}),
    ("age-negative", "A negative age.", {31: {0: 2, 2: -1}}),
    ("age-too-great", "An age too great.", {31: {0: 2, 2: 2**40 + 1}}),
    ("age-text", "An age in text.", {31: {0: 2, 2: "1"}}),
    ("qualifier-empty", "An empty qualifier.", {36: {0: "x", 3: ""}}),
    ("qualifier-long", "A qualifier of 65 characters.", {36: {0: "x", 3: _LONG}}),
    ("qualifier-nil", "A qualifier 'nil'.", {36: {0: "x", 3: None}}),
    ("qualifier-bytes", "A qualifier in bytes.", {36: {0: "x", 3: b"q"}}),
    ("reporter-empty", "An empty reporter.", {36: {0: "x", 4: ""}}),
    ("reporter-long", "A reporter of 65 characters.", {36: {0: "x", 4: _LONG}}),
    ("marks-empty", "No marks where there are some.", {0: {}}),
    ("marks-array", "Marks in an array.", {0: []}),
    ("marks-of-nothing", "A field without marks.", {0: {31: []}}),
    ("marks-of-field-0", "Marks of field 0.", {0: {0: [[0]]}}),
    ("mark-bare", "A mark without its array.", {0: {31: [0]}}),
    ("mark-empty", "An empty mark.", {0: {31: [[]]}}),
    ("mark-of-five", "A mark of five.", {0: {31: [[0, 1, "q", "b", 1]]}}),
    ("mark-kind-3", "A mark of no kind.", {0: {31: [[3]]}}),
    ("mark-kind-true", "A mark 'true'.", {0: {31: [[True]]}}),
    ("mark-trailing-zero", "A zero behind it.", {0: {31: [[1, 0]]}}),
    ("mark-trailing-nil", "A nil behind it.", {0: {31: [[1, 5, None]]}}),
    ("mark-two-trailing", "A zero and a nil.", {0: {31: [[1, 0, None]]}}),
    ("mark-age-nil", "An age 'nil'.", {0: {31: [[1, None, "q"]]}}),
    ("mark-age-negative", "A negative age.", {0: {31: [[1, -1]]}}),
    ("mark-qualifier-empty", "An empty qualifier.", {0: {31: [[1, 0, ""]]}}),
    ("mark-because-long", "A long reason.", {0: {31: [[0, 0, None, "x" * 257]]}}),
    ("mark-because-empty", "An empty reason.", {0: {31: [[0, 0, None, ""]]}}),
    ("nested-17-deep", "An empty array 17 deep.", {1000: {0: _deep(14, [])}}),
    ("nested-number", "A number 17 deep.", {1000: {0: _deep(15, 0)}}),
    ("nested-tag", "A tag 17 deep.", {1000: {0: _deep(14, Tag(1, 0))}}),
    ("nested-decimal", "Its array too deep.", {1000: {0: _deep(13, Tag(4, [0, 1]))}}),
    (
        "4097-items",
        "An item too many.",
        {1000: {0: [0] * 2000}, 1001: {0: [0] * 2088}},
    ),
    ("65-fields", "A field too many.", {n: n for n in range(1000, 1065)}),
    (
        "65-entries",
        "An entry too many.",
        {34: {0: {str(n): n for n in range(65)}}},
    ),
    ("integer-of-64-bits", "2**63.", {31: 2**63}),
    ("integer-too-low", "-2**63 - 1.", {31: -(2**63) - 1}),
    ("big-integer", "A tagged integer.", {31: Tag(2, b"\1")}),
    ("not-a-number", "Not-a-number.", {32: Raw(b"\xf9\x7e\x00")}),
    ("infinity", "Infinity.", {32: Raw(b"\xf9\x7c\x00")}),
    ("float-too-long", "1.5 in five bytes.", {32: Raw(b"\xfa\x3f\xc0\x00\x00")}),
    ("undefined", "Undefined.", {31: Raw(b"\xf7")}),
    ("simple-value", "A simple value.", {31: Raw(b"\xf0")}),
    ("tag", "A tag that is not known.", {31: Tag(32, "https://example.org")}),
    ("date-text", "A date in text.", {1000: Tag(1004, "2026-01-01")}),
    ("bad-utf-8", "Text that is not UTF-8.", {30: Raw(b"\x61\xff")}),
    ("map-key-true", "A map with the key true.", {34: {0: {True: 1}}}),
    ("map-key-float", "A map with the key 1.5.", {34: {0: {1.5: 1}}}),
    ("map-key-nil", "A map with the key nil.", {34: {0: {None: 1}}}),
    ("instant-float", "Seconds with a point.", {33: Tag(1, 0.5)}),
    ("instant-true", "Seconds 'true'.", {33: Tag(1, True)}),
    ("instant-too-late", "In the year 10000.", {33: Tag(1, 253_402_300_800)}),
    ("instant-too-early", "In the year 0.", {33: Tag(1, -62_135_596_801)}),
    ("instant-whole-text", "Whole, in text.", {33: Tag(0, "2026-01-01T00:00:00Z")}),
    (
        "instant-zeros",
        "A fraction of zeros.",
        {33: Tag(0, "2026-01-01T00:00:00.000000Z")},
    ),
    (
        "instant-short-fraction",
        "A fraction of three digits.",
        {33: Tag(0, "2026-01-01T00:00:00.250Z")},
    ),
    (
        "instant-offset",
        "An offset.",
        {33: Tag(0, "2026-01-01T00:00:00.250000+00:00")},
    ),
    (
        "instant-small-z",
        "A small z.",
        {33: Tag(0, "2026-01-01T00:00:00.250000z")},
    ),
    (
        "instant-with-a-space",
        "A space for the T.",
        {33: Tag(0, "2026-01-01 00:00:00.250000Z")},
    ),
    (
        "instant-no-such-day",
        "The 30th of February.",
        {33: Tag(0, "2026-02-30T00:00:00.250000Z")},
    ),
    (
        "instant-leap-second",
        "A leap second.",
        {33: Tag(0, "2016-12-31T23:59:60.250000Z")},
    ),
    (
        "instant-midnight-24",
        "24 o'clock.",
        {33: Tag(0, "2026-01-01T24:00:00.250000Z")},
    ),
    ("day-text", "A day in text.", {1000: Tag(100, "1")}),
    ("day-float", "A day with a point.", {1000: Tag(100, 1.0)}),
    ("day-too-late", "In the year 10000.", {1000: Tag(100, 2_932_897)}),
    ("day-too-early", "In the year 0.", {1000: Tag(100, -719_163)}),
    ("decimal-of-three", "Three parts.", {1000: Tag(4, [0, 1, 2])}),
    ("decimal-bare", "No array.", {1000: Tag(4, 1)}),
    ("decimal-exponent-65", "An exponent too high.", {1000: Tag(4, [65, 1])}),
    ("decimal-exponent-low", "An exponent too low.", {1000: Tag(4, [-65, 1])}),
    ("decimal-mantissa", "A mantissa of 64 bits.", {1000: Tag(4, [0, 2**63])}),
    ("decimal-float", "A mantissa with a point.", {1000: Tag(4, [0, 1.0])}),
    ("decimal-true", "A mantissa 'true'.", {1000: Tag(4, [0, True])}),
    ("decimal-too-long", "Too many bytes.", {1000: Tag(4, [Raw(b"\x18\x01"), 1])}),
):
    _section(f"section-{_name}", f"A plaintext: {_what[0].lower()}{_what[1:]}", _plain)
