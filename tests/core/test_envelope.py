"""
Envelopes: two forms, one encoding, hard limits, and no bit that does not count.
"""

from __future__ import annotations

import copy
import itertools
import pickle
import re
from base64 import b64encode, urlsafe_b64encode

import attrs
import cbor2
import pytest
from acme import DOMAIN, Acme, Clock, Tier, World
from forge import (
    SECTIONS,
    Forge,
    canonical,
    digest,
    flip,
    identify,
    pack,
    refuses,
    unpack,
    withheld,
)
from hypothesis import example, given
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.core.envelope import Envelope, decode_envelope, to_text
from cxcontext.core.gaps import Reason
from cxcontext.core.limits import (
    MAX_ENVELOPE_BYTES,
    MAX_HEADS,
    MAX_PARENTS,
    MAX_SCOPES,
    MAX_STATEMENTS,
)
from cxcontext.errors import (
    LimitExceededError,
    MalformedError,
    MissingParentError,
    NotCanonicalError,
    NotOneRootError,
    TooLargeError,
    UnsupportedVersionError,
    UsageError,
    VerificationError,
    WithholdError,
)

SECTION = canonical([1, b"sealed"])


@pytest.fixture
def envelope(sales, support) -> Envelope:
    """
    Two statements by two departments.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    other = support.receive(journey.hand_over("support"))
    other.learn(Acme.full_name, "Alex")
    return other.hand_over("billing")


def text_of(data: bytes) -> str:
    """
    Return the text form of any bytes.
    """
    return "cx1." + urlsafe_b64encode(data).decode().rstrip("=")


def places(item, path=()):
    """
    Return the paths to everything in an item, protected headers opened up.
    """
    found = [path] if path else []
    if isinstance(item, dict):
        entries = item.items()
    elif isinstance(item, list):
        entries = enumerate(item)
    else:
        return found
    for key, entry in entries:
        found += places(entry, (*path, key))
    return found


def put(item, path, value):
    """
    Return a copy of an item with another value in one place.
    """
    item = copy.deepcopy(item)
    at = item
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return item


class TestForms:
    """
    Binary where the carrier takes bytes, text where it does not.
    """

    def test_all_forms_are_received(self, envelope, billing):
        """
        The object, its bytes, its text and its text as bytes are one envelope.
        """
        forms = (envelope, bytes(envelope), str(envelope), str(envelope).encode())

        for form in forms:
            assert "A-118" == billing.receive(form).recall(Acme.order_number)

    def test_a_second_writers_envelope_is_received(self, forge, billing):
        """
        What was made after the protocol, without the library, is an envelope.
        """
        root = forge.statement(says={2: {10: "A-118"}})
        child = forge.statement(root, by="support", says={1: {1: "Alex"}})

        journey = billing.receive(forge.envelope(root, child, to="billing"))

        assert "A-118" == journey.recall(Acme.order_number)
        assert "Alex" == journey.recall(Acme.full_name)
        assert ["sales", "support"] == [step.department for step in journey.trail]

    def test_decoding_gives_back_the_same_bytes(self, envelope):
        """
        An envelope has one encoding in either form.
        """
        assert bytes(envelope) == bytes(decode_envelope(str(envelope)))
        assert str(envelope) == str(decode_envelope(bytes(envelope)))
        assert envelope == decode_envelope(str(envelope))
        assert envelope == Envelope.parse(bytes(envelope))
        assert None is Envelope.parse(bytes(envelope)).journey_id
        parsed = Envelope.parse(bytes(envelope), domain="acme.example")
        assert envelope.journey_id == parsed.journey_id
        assert bytes(envelope) == pack(unpack(envelope))

    def test_the_text_form_is_base64url_without_padding(self, envelope):
        """
        The text form is ``cx1.`` and characters that every carrier takes.
        """
        assert re.fullmatch(r"cx1\.[A-Za-z0-9_-]+", str(envelope))
        assert text_of(bytes(envelope)) == str(envelope)

    @pytest.mark.parametrize("cut", range(3))
    def test_padding_is_refused(self, cut):
        """
        Padding, right or wrong, is not part of the text form.
        """
        data = bytes(9 + cut)
        for padding in ("=", "==", "===="):
            with refuses(NotCanonicalError, "not_canonical"):
                decode_envelope(text_of(data) + padding)

    @pytest.mark.parametrize(("size", "unused"), [(4, 4), (5, 2)])
    def test_unused_bits_are_zero(self, size, unused):
        """
        A text that differs in bits that no byte uses is refused.
        """
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        text = text_of(bytes(size))

        for bits in range(1, 2**unused):
            with refuses(NotCanonicalError, "not_canonical"):
                decode_envelope(text[:-1] + alphabet[bits])

    @pytest.mark.parametrize(
        "foreign",
        ["+", "/", " ", "\n", "\r\n", "\t", "\0", "%", "~", "é", "\u200b", '"', ","],
    )
    @pytest.mark.parametrize("place", [4, 10, None])
    def test_foreign_characters_are_refused(self, envelope, foreign, place):
        """
        Nothing but the alphabet is read, not even what some decoders skip.
        """
        text = str(envelope)
        at = len(text) if place is None else place

        for changed in (
            text[:at] + foreign + text[at:],
            text[:at] + foreign + text[at + len(foreign) :],
            text[: at - 1] + foreign + text[at:],
        ):
            with refuses(MalformedError, "malformed"):
                decode_envelope(changed)

    def test_the_standard_alphabet_is_refused(self):
        """
        Base64 with + and / is another encoding of the same.
        """
        data = bytes([0xFB, 0xFF, 0xFE])

        with refuses(MalformedError, "malformed"):
            decode_envelope("cx1." + b64encode(data).decode())

    @pytest.mark.parametrize(
        "prefix",
        ["", "cx2.", "CX1.", "cx1", " cx1.", "cx1:", "cx1. ", "xcx1.", "cx11."],
    )
    def test_another_prefix_is_refused(self, envelope, prefix):
        """
        Text that does not begin with the prefix is no envelope.
        """
        with refuses(MalformedError, "malformed"):
            decode_envelope(prefix + str(envelope).removeprefix("cx1."))

    def test_a_length_that_no_bytes_have_is_refused(self):
        """
        One character of base64 is less than a byte.
        """
        for text in ("cx1.A", "cx1.AAAAA"):
            with refuses(MalformedError, "malformed"):
                decode_envelope(text)

    def test_text_within_text_is_refused(self, envelope):
        """
        The text form of a text form is not unwrapped twice.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            decode_envelope(text_of(str(envelope).encode()))

    @pytest.mark.parametrize(
        "raw", [None, 0, 1.5, [], {}, bytearray(b"\x80"), memoryview(b"\x80"), object()]
    )
    def test_what_is_neither_bytes_nor_text_is_refused(self, support, raw):
        """
        A carrier may hand over anything.
        """
        with refuses(MalformedError, "malformed"):
            support.receive(raw)

    @pytest.mark.parametrize("raw", [b"", "", "cx1.", b"cx1.", "\ud800", "cx1.\ud800"])
    def test_nothing_is_refused(self, support, raw):
        """
        What is empty or cannot be written as bytes is no envelope.
        """
        with refuses(MalformedError, "malformed"):
            support.receive(raw)


class TestShape:
    """
    ``[1, [+ statement], delivery]``, statements sorted by id.
    """

    @pytest.fixture
    def wire(self, envelope):
        """
        The parts of a good envelope.
        """
        return unpack(envelope)

    @pytest.mark.parametrize("version", [0, 2, -1, 24, 2**64 - 1])
    def test_another_version_is_refused(self, wire, support, version):
        """
        A version that this release does not read is told from rubbish.
        """
        wire[0] = version

        with refuses(UnsupportedVersionError, "unsupported_version") as ei:
            support.receive(pack(wire))

        assert version == ei.value.version

    def test_a_later_version_may_have_another_shape(self, support):
        """
        Whatever follows the version, it is the version that is named.
        """
        with refuses(UnsupportedVersionError, "unsupported_version"):
            support.receive(pack([2, {1: b"x"}]))

    @pytest.mark.parametrize("version", [True, None, "1", b"1", 1.0, [1]])
    def test_a_version_is_a_number(self, wire, support, version):
        """
        What only looks like 1 is malformed.
        """
        with refuses(MalformedError, "malformed"):
            support.receive(cbor2.dumps([version, *wire[1:]], canonical=True))

    @pytest.mark.parametrize(
        "change",
        [
            lambda wire: [],
            lambda wire: {},
            lambda wire: {0: 1, 1: wire[1], 2: wire[2]},
            lambda wire: wire[0],
            lambda wire: None,
            lambda wire: b"",
            lambda wire: wire[:1],
            lambda wire: wire[:2],
            lambda wire: [*wire, None],
            lambda wire: [wire[0], [], wire[2]],
            lambda wire: [wire[0], None, wire[2]],
            lambda wire: [wire[0], {0: wire[1][0]}, wire[2]],
            lambda wire: [wire[0], b"", wire[2]],
            lambda wire: [wire[0], [wire[1]], wire[2]],
            lambda wire: [wire[0], wire[2], wire[1]],
            lambda wire: [wire[0], wire[1], None],
            lambda wire: [wire[0], wire[1], [wire[2]]],
            lambda wire: [wire],
        ],
    )
    def test_another_shape_is_refused(self, wire, support, change):
        """
        An envelope has three parts, each of its kind.
        """
        with refuses(MalformedError, "malformed"):
            support.receive(pack(change(wire)))

    def test_statements_are_sorted(self, wire, support):
        """
        There is one order of the same statements.
        """
        wire[1].reverse()

        with refuses(NotCanonicalError, "not_canonical"):
            support.receive(pack(wire))

    def test_no_statement_stands_twice(self, wire, support):
        """
        A repeated statement, with or without its sections, is refused.
        """
        twice = wire[1][0]
        for copied in (twice, withheld(twice, *twice[1][SECTIONS])):
            with refuses(NotCanonicalError, "not_canonical"):
                support.receive(pack([1, [twice, copied, wire[1][1]], wire[2]]))

    @pytest.mark.parametrize(
        "change",
        [
            lambda raw: raw + b"\0",
            lambda raw: raw + raw,
            lambda raw: raw[1:],
            lambda raw: b"\x98\x03" + raw[1:],
            lambda raw: raw[:1] + b"\x18\x01" + raw[2:],
            lambda raw: raw[:2] + b"\x98\x02" + raw[3:],
        ],
        ids=[
            "a byte behind",
            "an envelope behind",
            "no array",
            "array",
            "version",
            "list",
        ],
    )
    def test_another_encoding_is_refused(self, envelope, support, change):
        """
        Trailing bytes and longer forms are not canonical.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            support.receive(change(bytes(envelope)))

    @pytest.mark.parametrize(
        "change",
        [
            lambda raw: b"\x9f" + raw[1:] + b"\xff",
            lambda raw: raw[:2] + b"\x9f" + raw[3:] + b"\xff",
            lambda raw: b"\xd9\xd9\xf7" + raw,
            lambda raw: raw[:-1],
        ],
        ids=["indefinite", "indefinite list", "self-described", "cut"],
    )
    def test_what_has_no_place_is_refused(self, envelope, support, change):
        """
        Indefinite lengths, tags and pieces are malformed.
        """
        with refuses(MalformedError, "malformed"):
            support.receive(change(bytes(envelope)))

    @pytest.mark.parametrize("label", [-65537.0, 4, -65538, "sections", None])
    def test_an_unknown_unprotected_label_is_refused(self, wire, support, label):
        """
        What nobody signed is not passed over, nor is a label written as a float.
        """
        entries = wire[1][0][1]
        changed = {label: entries[SECTIONS]} if label == SECTIONS else {label: b"x"}
        if label != SECTIONS:
            changed = {**entries, **changed}
        wire[1][0][1] = changed

        with refuses(MalformedError, "malformed"):
            support.receive(cbor2.dumps(wire, canonical=True))

    @pytest.mark.parametrize("label", [-65537.0])
    def test_it_is_refused_by_a_warm_cache_too(self, envelope, billing, label):
        """
        That a statement was verified before excuses no other encoding of it.
        """
        billing.receive(envelope)
        wire = unpack(envelope)
        for statement in wire[1]:
            statement[1] = {label: statement[1][SECTIONS]}

        with refuses(MalformedError, "malformed"):
            billing.receive(cbor2.dumps(wire))


class TestLimits:
    """
    Each limit, and one over it.
    """

    def test_bytes_have_a_limit(self, forge, support):
        """
        256 KiB are received, in either form, and one byte more is not parsed.
        """
        full = self._of_size(forge, MAX_ENVELOPE_BYTES)
        over = self._of_size(forge, MAX_ENVELOPE_BYTES + 1)

        assert "sales" == support.receive(full).received_from
        assert "sales" == support.receive(to_text(full)).received_from
        with refuses(TooLargeError, "too_large") as ei:
            support.receive(over)

        assert (MAX_ENVELOPE_BYTES + 1, MAX_ENVELOPE_BYTES) == (
            ei.value.size_bytes,
            ei.value.limit_bytes,
        )
        with refuses(TooLargeError, "too_large"):
            support.receive(to_text(over))
        for text in (to_text(over).encode(), "\u00e9" * 400_000, "x" * 400_000):
            with refuses(TooLargeError, "too_large"):
                support.receive(text)

    def _of_size(self, forge: Forge, size: int) -> bytes:
        large = canonical([1, bytes(18_000)])
        raw = dict.fromkeys(range(1, 15), large)
        envelope = forge.envelope(forge.statement(raw={**raw, 15: large}))
        rest = canonical([1, bytes(18_000 - (len(envelope) - size))])
        made = forge.envelope(forge.statement(raw={**raw, 15: rest}))
        assert size == len(made)
        return made

    def test_statements_have_a_limit(self, forge, support):
        """
        256 statements are received and 257 are not.
        """
        chain = [forge.statement()]
        while len(chain) <= MAX_STATEMENTS:
            chain.append(forge.statement(chain[-1]))

        full = support.receive(forge.envelope(*chain[:MAX_STATEMENTS]))

        assert MAX_STATEMENTS == len(full.trail)
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            support.receive(forge.envelope(*chain))

        assert ("statements", MAX_STATEMENTS) == (ei.value.what, ei.value.limit)

    def test_heads_have_a_limit(self, forge, support):
        """
        32 heads are received and 33 are not.
        """
        root = forge.statement()
        heads = [forge.statement(root, channel=f"c{n}") for n in range(MAX_HEADS + 1)]

        full = support.receive(forge.envelope(root, *heads[:MAX_HEADS]))

        assert MAX_HEADS + 1 == len(full.trail)
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            support.receive(forge.envelope(root, *heads))

        assert ("heads", MAX_HEADS) == (ei.value.what, ei.value.limit)

    def test_parents_have_a_limit(self, forge, support):
        """
        A statement with 16 parents is received and one with 17 is not.
        """
        root = forge.statement()
        several = [
            forge.statement(root, channel=f"c{n}") for n in range(MAX_PARENTS + 1)
        ]

        full = forge.statement(*several[:MAX_PARENTS])
        received = support.receive(forge.envelope(root, *several[:MAX_PARENTS], full))

        assert MAX_PARENTS + 2 == len(received.trail)
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            support.receive(forge.envelope(root, *several, forge.statement(*several)))

        assert ("parents", MAX_PARENTS) == (ei.value.what, ei.value.limit)

    def test_scopes_have_a_limit(self, forge, support):
        """
        A statement with 16 sections is received and one with 17 is not.
        """
        full = dict.fromkeys(range(1, MAX_SCOPES + 1), SECTION)

        assert (
            "sales"
            == support.receive(forge.envelope(forge.statement(raw=full))).received_from
        )
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            support.receive(forge.envelope(forge.statement(raw={**full, 17: SECTION})))

        assert ("scopes", MAX_SCOPES) == (ei.value.what, ei.value.limit)

    def test_nesting_has_a_limit(self, support):
        """
        Deeper than 16 levels nothing is parsed.
        """
        with refuses(LimitExceededError, "limit_exceeded"):
            support.receive(b"\x83\x01" + b"\x81" * 20_000)


class TestGraph:
    """
    One journey is in one envelope, whole.
    """

    def test_a_second_root_is_refused(self, forge, support):
        """
        A sender's envelope with two beginnings is not one journey.
        """
        one = forge.statement()
        other = forge.statement(origin=b"another nonce...")

        with refuses(NotOneRootError, "not_one_root") as ei:
            support.receive(forge.envelope(one, other))

        assert 2 == ei.value.roots

    def test_two_customers_journeys_are_not_joined(self, sales, support, forge):
        """
        Genuine statements of two journeys are refused even under a new delivery.
        """
        wires = []
        for name in ("Alex", "Blake"):
            journey = sales.begin(channel="chat")
            journey.learn(Acme.full_name, name)
            wires += unpack(journey.hand_over("support"))[1]

        with refuses(NotOneRootError, "not_one_root"):
            support.receive(forge.envelope(*wires))

    def test_a_grafted_statement_is_refused(self, sales, support, forge):
        """
        A statement of one journey does not grow on another one.
        """
        one = sales.begin(channel="chat")
        one.learn(Acme.full_name, "Alex")
        one.hand_over("support")
        one.learn(Acme.full_name, "Blake")
        leaf = unpack(one.hand_over("support"))[1]
        other = sales.begin(channel="chat")
        other.learn(Acme.full_name, "Casey")
        stem = unpack(other.hand_over("support"))[1]
        grafted = [s for s in leaf if not unpack_origin(s)]

        assert 1 == len(grafted)
        with refuses(MissingParentError, "missing_parent"):
            support.receive(forge.envelope(*stem, *grafted))

    def test_a_graft_with_other_parents_is_another_statement(
        self, sales, support, forge
    ):
        """
        Who rewrites a statement's parents has broken its signature.
        """
        root, stem = forge.statement(), forge.statement(origin=b"another nonce...")
        leaf = forge.statement(root, by="billing", says={1: {1: "Alex"}})
        moved = forge.statement(stem, by="billing", says={1: {1: "Alex"}})
        graft = [moved[0], leaf[1], None, leaf[3]]

        received = support.receive(forge.envelope(stem, graft))

        # Nothing genuine builds upon it, so it is left out; nothing is believed.
        assert received.recall(Acme.full_name) is None
        assert 1 == len(received.trail)

    def test_a_missing_parent_is_refused(self, forge, support):
        """
        A sender cannot leave out what a statement builds upon.
        """
        root = forge.statement()
        middle = forge.statement(root)
        leaf = forge.statement(middle)

        with refuses(MissingParentError, "missing_parent"):
            support.receive(forge.envelope(root, leaf))
        with refuses(NotOneRootError, "not_one_root"):
            support.receive(forge.envelope(middle, leaf))


def unpack_origin(statement):
    """
    Return the nonce of a root; nothing for any other statement.
    """
    origin = cbor2.loads(statement[0])[15][-65537][0]
    return origin if isinstance(origin, bytes) else b""


class TestConfidentiality:
    """
    Nothing about the customer is in the clear.
    """

    def test_carriers_see_channel_times_keys_and_clear_facts(self, sales):
        """
        What was said is in no byte of the envelope, but for what is declared clear.
        """
        said = "sentinel-7331"
        journey = sales.begin(channel="web.chat-7331")
        journey.learn(Acme.full_name, said)
        journey.learn(Acme.card_last4, said)
        journey.learn(Acme.product, said, qualifier=said)
        journey.promise(said, wording=said)
        journey.consent("dpv:sentinel")
        journey.asked(Acme.email, because=said)
        journey.refused(Acme.email)
        journey.learn(Acme.tier, Tier.GOLD)
        journey.learn(Acme.language, "en-GB")

        raw = bytes(journey.hand_over("support"))

        assert b"sentinel" not in raw
        for clear in (b"web.chat-7331", b"gold", b"en-GB"):
            assert clear in raw

    def test_departments_are_seen_as_key_ids_only(self, sales):
        """
        Of the names of departments only the audience's is in an envelope.
        """
        raw = bytes(sales.begin(channel="chat").hand_over("support"))

        assert b"support" in raw
        assert b"sales" not in raw
        assert b"acme.example" not in raw


class TestWithholding:
    """
    Withholding only removes, is visible, and takes nothing from a reader.
    """

    def test_what_is_withheld_is_seen_to_be(self, sales, ivr, support):
        """
        Who misses a section that it may read learns that one was withheld.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.order_number, "A-118")
        journey.learn(Acme.full_name, "Alex")
        at_ivr = ivr.receive(journey.hand_over("ivr", withhold=[Acme.order]))
        received = support.receive(at_ivr.hand_over("support"))

        gap = received.gap(Acme.order_number)

        assert gap is not None
        assert Reason.WITHHELD == gap.reason
        assert received.recall(Acme.order_number) is None
        assert "Alex" == received.recall(Acme.full_name)

    def test_what_is_withheld_comes_back_by_merging(self, sales, ivr):
        """
        A copy with the section gives it back to a journey without.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.order_number, "A-118")
        at_ivr = ivr.receive(journey.hand_over("ivr", withhold=[Acme.order]))
        back = sales.receive(at_ivr.hand_over("sales"))
        assert back.recall(Acme.order_number) is None

        back.merge(sales.receive(journey.hand_over("sales")))

        assert "A-118" == back.recall(Acme.order_number)

    @pytest.mark.parametrize("to", ["support", "billing", "sales"])
    def test_nothing_is_withheld_from_its_reader(self, sales, to):
        """
        A department that may read a scope gets it.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.order_number, "A-118")

        with pytest.raises(WithholdError) as ei:
            journey.hand_over(to, withhold=[Acme.notes, Acme.order])

        assert ("notes" if to == "support" else "order", to) == (
            ei.value.scope,
            ei.value.department,
        )

    def test_a_scope_of_another_vocabulary_withholds_nothing(self, sales):
        """
        A scope with the same number and other readers is not taken for ours.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.order_number, "A-118")
        foreign = cx.Scope(2, readers={"somebody"})

        for scope in (foreign, "order", 2):
            with pytest.raises(UsageError, match=r"withhold takes scopes of Acme"):
                journey.hand_over("support", withhold=[scope])

    def test_a_scope_is_withheld_whole(self, forge, sales, ivr):
        """
        It is gone from every statement of the envelope, and only it.
        """
        root = forge.statement(says={2: {10: "A-1"}, 1: {1: "Alex"}})
        child = forge.statement(root, says={2: {13: True}})
        journey = sales.receive(forge.envelope(root, child, to="sales"))

        sent = unpack(journey.hand_over("ivr", withhold=[Acme.order]))

        expected = sorted([withheld(root, 2), withheld(child, 2)], key=identify)
        assert expected == sent[1]

    def test_a_new_delivery_is_signed(self, forge, sales, ivr):
        """
        Withholding makes the old delivery useless; the new one is the withholder's.
        """
        root = forge.statement(by="support", says={2: {10: "A-1"}, 1: {1: "Alex"}})
        journey = sales.receive(forge.envelope(root, by="support", to="sales"))

        at_ivr = ivr.receive(journey.hand_over("ivr", withhold=[Acme.order]))

        assert ("support", "sales") == (journey.received_from, at_ivr.received_from)


class TestValue:
    """
    How an envelope behaves as a Python value.
    """

    def test_it_pickles_as_its_bytes(self, envelope):
        """
        An envelope comes back from a pickle, and its bytes are all that is in it.
        """
        pickled = pickle.dumps(envelope)

        assert envelope == pickle.loads(pickled)  # noqa: S301 - our own
        assert bytes(envelope) in pickled
        assert len(bytes(envelope)) + 100 > len(pickled)

    def test_a_copy_equals_it(self, envelope):
        """
        A copy, shallow or deep, is the same envelope.
        """
        assert envelope == copy.copy(envelope) == copy.deepcopy(envelope)

    def test_it_equals_what_has_the_same_bytes(self, envelope, sales):
        """
        Envelopes are compared by their bytes, and hashed by them.
        """
        same = decode_envelope(bytes(envelope))
        other = sales.begin(channel="chat").hand_over("billing")

        assert envelope == same
        assert 1 == len({envelope, same})
        assert envelope != other
        assert envelope != bytes(envelope)

    def test_a_repr_shows_counts_only(self, envelope):
        """
        Nothing with which the envelope could be presented is in its repr.
        """
        expected = f"<Envelope of 2 statements, {len(bytes(envelope))} bytes>"

        assert expected == repr(envelope)
        assert re.fullmatch(r"[\w<>, ]+", repr([envelope])[1:-1])

    def test_it_knows_its_journey_where_it_was_made(self, sales):
        """
        The journey's id needs the domain, which a decoded envelope does not have.
        """
        journey = sales.begin(channel="chat")
        made = journey.hand_over("support")

        assert journey.id == made.journey_id
        assert decode_envelope(bytes(made)).journey_id is None
        assert made.root is made.statements[0]


@pytest.fixture(scope="module")
def genuine(ring) -> bytes:
    """
    A small envelope of two statements with a section each, for support.
    """
    forge = Forge(ring)
    root = forge.statement(says={2: {10: "A-118"}})
    child = forge.statement(root, by="billing", says={1: {1: "Alex"}})
    return forge.envelope(root, child, by="billing")


class TestEveryBit:
    """
    No bit of an envelope can be changed on the way.
    """

    def test_every_flip_of_the_bytes_is_refused(self, ring, genuine):
        """
        Whichever single bit a carrier changes, the envelope is refused.
        """
        accepted = [
            bit
            for bit in range(len(genuine) * 8)
            if received(ring, flip(genuine, bit)) is not None
        ]

        assert received(ring, genuine) is not None
        assert [] == accepted

    def test_every_flip_of_the_text_is_refused(self, ring, genuine):
        """
        The same holds for every bit of every character.
        """
        text = to_text(genuine).encode()
        accepted = [
            bit
            for bit in range(len(text) * 8)
            if received(ring, flip(text, bit)) is not None
        ]

        assert [] == accepted

    def test_every_flip_is_refused_by_a_warm_cache(self, ring, genuine):
        """
        That the genuine envelope was opened before makes no flip acceptable.
        """
        world = World(ring, Clock())
        assert world["support"].receive(genuine)
        accepted = [
            bit
            for bit in range(len(genuine) * 8)
            if received(ring, flip(genuine, bit), world=world) is not None
        ]

        assert [] == accepted

    def test_every_cut_is_refused(self, ring, genuine):
        """
        No piece of an envelope is one, nor is one with a byte left out.
        """
        pieces = itertools.chain(
            (genuine[:end] for end in range(len(genuine))),
            (genuine[start:] for start in range(1, len(genuine))),
            (genuine[:at] + genuine[at + 1 :] for at in range(len(genuine))),
        )

        assert [] == [piece for piece in pieces if received(ring, piece) is not None]


def received(ring, raw, *, world: World | None = None):
    """
    Return the journey that support receives, or None where it is refused.
    """
    world = World(ring, Clock()) if world is None else world
    try:
        return world["support"].receive(raw)
    except VerificationError:
        return None


class TestProperties:
    """
    Bytes are received or refused: nothing else is raised, whatever comes.
    """

    @given(st.binary(max_size=200) | st.text(max_size=100))
    @example(b"\x83\x01\x80\x80")
    @example("cx1.gwGA")
    def test_arbitrary_input_is_refused(self, ring, raw):
        """
        Nothing but an error of verification comes out of bytes or text.
        """
        for form in (raw, text_of(raw) if isinstance(raw, bytes) else f"cx1.{raw}"):
            with pytest.raises(VerificationError):
                decode_envelope(form)
            with pytest.raises(VerificationError):
                World(ring, Clock())["support"].receive(form)

    @given(st.data())
    def test_changed_bytes_are_refused(self, ring, genuine, data):
        """
        Bytes inserted, deleted, replaced or repeated are never received.
        """
        start = data.draw(st.integers(0, len(genuine)))
        end = data.draw(st.integers(start, min(len(genuine), start + 40)))
        instead = data.draw(
            st.binary(max_size=40)
            | st.integers(0, len(genuine) - 1).map(lambda at: genuine[at : at + 40])
        )
        changed = genuine[:start] + instead + genuine[end:]

        assert (changed == genuine) == (received(ring, changed) is not None)

    @given(st.data())
    def test_changed_structures_are_refused(self, ring, genuine, data):
        """
        Parts exchanged, dropped, repeated or replaced, in canonical encoding,
        are never received either.
        """
        wire = unpack(genuine)
        for _ in range(data.draw(st.integers(1, 3))):
            path, whole = [], wire
            while isinstance(whole, (list, dict)) and whole:
                keys = list(whole) if isinstance(whole, dict) else range(len(whole))
                path.append((whole, data.draw(st.sampled_from(list(keys)))))
                whole = path[-1][0][path[-1][1]]
                if data.draw(st.booleans()):
                    break
            if not path:
                break
            container, key = path[-1]
            parts = [wire[1], wire[2], *wire[1:2], b"", None, 0, [], {}, digest(b"")]
            parts.append([digest(b"")])
            container[key] = copy.deepcopy(data.draw(st.sampled_from(parts)))
            if not isinstance(wire[1], list) or not wire[1]:
                break
        changed = canonical(wire)

        assert (changed == genuine) == (received(ring, changed) is not None)

    @given(st.data())
    def test_any_genuine_statements_form_a_journey_or_are_refused(
        self, forge_once, ring, data
    ):
        """
        Of statements that are all genuine any choice is one whole journey, whose
        facts are all there, or is refused.
        """
        root = forge_once.statement(says={1: {1: "Alex"}})
        statements = [root]
        for n in range(4):
            parents = data.draw(
                st.lists(st.sampled_from(statements), min_size=1, max_size=3)
            )
            unique = {identify(parent): parent for parent in parents}
            statements.append(forge_once.statement(*unique.values(), channel=f"c{n}"))
        chosen = [s for s in statements if data.draw(st.booleans())]

        journey = received(ring, forge_once.envelope(*chosen))

        ids = {identify(s) for s in chosen}
        parents = set().union(*(origin_of(s) for s in chosen)) if chosen else set()
        whole = root in chosen and parents <= ids
        assert whole == (journey is not None)
        if journey is not None:
            assert len(chosen) == len(journey.trail)
            assert "Alex" == journey.recall(Acme.full_name)


def origin_of(statement) -> set[bytes]:
    """
    Return the ids of a statement's parents.
    """
    origin = cbor2.loads(statement[0])[15][-65537][0]
    return set() if isinstance(origin, bytes) else set(origin)


def test_the_domain_is_bound(forge, support):
    """
    The journey's id is of this domain.
    """
    received_ = support.receive(forge.envelope(forge.statement()))

    assert re.fullmatch(r"[0-9a-f]{32}", received_.id)
    assert DOMAIN == support.domain


@pytest.mark.parametrize(
    "odd",
    [1.0, 1.5, cbor2.undefined, cbor2.CBORSimpleValue(16)],
    ids=["whole float", "float", "undefined", "simple value"],
)
class TestForeignScalars:
    """
    What our structures have no place for, written as deterministically as can be.
    """

    def test_they_stand_nowhere_in_an_envelope(self, envelope, odd):
        """
        In no place of an envelope is a float, undefined or a simple value read.
        """
        wire = unpack(envelope)

        for path in places(wire):
            with refuses(MalformedError, "malformed"):
                decode_envelope(canonical(put(wire, path, odd)))

    def test_they_stand_nowhere_in_a_protected_header(self, envelope, odd):
        """
        In no place of a statement's or delivery's header is one read.
        """
        wire = unpack(envelope)

        for at in ((1, 0, 0), (1, 1, 0), (2, 0)):
            protected = wire[at[0]][at[1]][0] if len(at) == 3 else wire[2][0]
            header = cbor2.loads(protected)
            for path in places(header):
                data = canonical(put(header, path, odd))
                with refuses(MalformedError, "malformed"):
                    decode_envelope(canonical(put(wire, at, data)))


def test_what_was_made_is_what_is_read(sales):
    """
    The sender's own envelope says of its delivery what the receiver's says.
    """
    journey = sales.begin(channel="chat")
    made = journey.hand_over("support", binding=b"call-17", reply_to=b"12345678")
    read = Envelope.parse(bytes(made))

    assert attrs.asdict(made.delivery) == attrs.asdict(read.delivery)
    assert {made: "one"} == {read: "one"}
    assert hash(made) != hash(journey.hand_over("support"))


def test_a_copy_with_nothing_more_adds_nothing(sales):
    """
    A statement joined with its equal is the very same statement.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    envelope = journey.hand_over("support")
    (one,), (other,) = envelope.statements, Envelope.parse(bytes(envelope)).statements

    assert one is one.joined(other)
    assert one is one.joined(other.without((2,)))
    assert other == other.without((2,)).joined(one)
