"""
Statements: what may stand in one, and what its signature covers.
"""

from __future__ import annotations

import re

import cbor2
import pytest
from acme import DOMAIN, START_S, Acme
from forge import (
    ALG,
    CLAIMS,
    EXP,
    IAT,
    KID,
    LIFETIME_S,
    NONCE,
    PRIVATE,
    SECTIONS,
    WIRES,
    canonical,
    digest,
    header,
    identify,
    refuses,
    unpack,
    withheld,
)
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.core.limits import (
    MAX_CLEAR_BYTES,
    MAX_MAP_ENTRIES,
    MAX_PARENTS,
    MAX_PROTECTED_BYTES,
    MAX_SCOPES,
    MAX_SEALED_BYTES,
)
from cxcontext.core.section import SectionContent
from cxcontext.core.statement import (
    Claims,
    Statement,
    check_channel,
    journey_id,
    parse_section,
    parse_statement,
    section_info,
    sign,
    sign_statement,
)
from cxcontext.errors import (
    LimitExceededError,
    MalformedError,
    NotCanonicalError,
    UsageError,
    VerificationError,
)

SECTION = canonical([1, b"sealed"])
PARENTS = [bytes([n]) * 32 for n in range(1, MAX_PARENTS + 2)]


def claims_of(wire):
    """
    Return the claims of a statement's header.
    """
    return header(wire)[CLAIMS]


class TestGrammar:
    """
    Protocol, section 1, held against a second writer.
    """

    def test_both_writers_make_the_same_statement(self, forge):
        """
        The library's statement is, byte for byte, what the protocol describes.
        """
        signer = forge.signer("sales")
        expected = forge.statement(*PARENTS[:2], raw={2: SECTION, 300: SECTION})

        claims = Claims(
            algorithm=signer.algorithm,
            key_id=signer.key_id,
            issued_s=START_S,
            expires_s=START_S + LIFETIME_S,
            parents=(PARENTS[1], PARENTS[0]),
            nonce=b"",
            channel="chat",
            revision=4,
        )
        made = sign_statement(
            claims,
            signer=signer,
            protected=claims.encode(),
            sections={300: SECTION, 2: SECTION},
            domain=DOMAIN,
        )

        assert expected == made.to_wire()
        assert identify(expected) == made.id

    def test_a_statement_is_read_as_what_was_signed(self, forge):
        """
        Every claim is where the protocol puts it.
        """
        wire = forge.statement(
            *PARENTS[:2],
            channel="phone",
            revision=7,
            clear={5: "gold"},
            flags=9,
            expires_s=START_S + 60,
            raw={2: SECTION, 3: [digest(SECTION)]},
        )

        made = parse_statement(wire)

        assert -19 == made.algorithm
        assert forge.signer("sales").key_id == made.key_id
        assert tuple(PARENTS[:2]) == made.parents
        assert b"" == made.nonce
        assert "phone" == made.channel
        assert (7, 9) == (made.revision, made.flags)
        assert (START_S, START_S + 60) == (made.issued_s, made.expires_s)
        assert ["gold"] == [fact.value for fact in made.clear]
        assert {2: SECTION} == made.sections
        assert {2: digest(SECTION), 3: digest(SECTION)} == made.digests
        assert wire == made.to_wire()

    def test_a_root_has_a_nonce(self, forge):
        """
        Where the others name their parents, the root has 16 random bytes.
        """
        made = parse_statement(forge.statement())

        assert ((), NONCE) == (made.parents, made.nonce)

    def test_the_root_certifies_the_journey(self, forge):
        """
        The journey's id is the hash of domain, root key and nonce.
        """
        root = parse_statement(forge.statement())
        preimage = ["cxcontext/1/journey", DOMAIN, root.key_id, NONCE]

        expected = digest(canonical(preimage))[:16]

        assert expected == journey_id(domain=DOMAIN, root=root)
        assert expected != journey_id(domain="other.example", root=root)

    def test_a_section_is_bound_to_statement_scope_domain_and_generation(self):
        """
        The HPKE info is the one that the protocol names.
        """
        expected = canonical(
            ["cxcontext/1/section", DOMAIN, digest(b"protected"), 2, 3]
        )

        assert expected == section_info(
            domain=DOMAIN, protected=b"protected", scope=2, generation=3
        )

    @pytest.mark.parametrize(
        "change",
        [
            lambda wire: wire[:3],
            lambda wire: [*wire, None],
            lambda wire: b"",
            lambda wire: None,
            lambda wire: {0: wire},
            lambda wire: [None, *wire[1:]],
            lambda wire: [wire[0].hex(), *wire[1:]],
            lambda wire: [header(wire), *wire[1:]],
            lambda wire: [wire[0], None, *wire[2:]],
            lambda wire: [wire[0], [], *wire[2:]],
            lambda wire: [wire[0], {4: b"kid"}, *wire[2:]],
            lambda wire: [wire[0], {**wire[1], 4: b"kid"}, *wire[2:]],
            lambda wire: [wire[0], {-65538: {}}, *wire[2:]],
            lambda wire: [*wire[:2], b"", wire[3]],
            lambda wire: [*wire[:2], b"payload", wire[3]],
            lambda wire: [*wire[:2], False, wire[3]],
            lambda wire: [*wire[:2], cbor2.undefined, wire[3]],
            lambda wire: [*wire[:3], wire[3][:-1]],
            lambda wire: [*wire[:3], wire[3] + b"\0"],
            lambda wire: [*wire[:3], b""],
            lambda wire: [*wire[:3], wire[3].hex()],
            lambda wire: [*wire[:3], None],
        ],
    )
    def test_another_shape_is_refused(self, forge, change):
        """
        A statement has four parts, each of its kind, and the payload is detached.
        """
        wire = forge.statement(raw={2: SECTION})

        with refuses(MalformedError, "malformed"):
            parse_statement(change(wire))

    @pytest.mark.parametrize(
        "sections",
        [
            None,
            [],
            {},
            b"",
            {0: SECTION},
            {-1: SECTION},
            {65536: SECTION},
            {"2": SECTION},
            {True: SECTION},
            {2.0: SECTION},
            {2: None},
            {2: digest(SECTION).hex()},
            {2: []},
            {2: [b""]},
            {2: [digest(SECTION)[:-1]]},
            {2: [digest(SECTION) + b"\0"]},
            {2: [digest(SECTION), digest(SECTION)]},
            {2: [digest(SECTION).hex()]},
            {2: {0: digest(SECTION)}},
            {2: b""},
            {2: b"\xa0"},
            {2: canonical([1])},
            {2: canonical([1, b"", b""])},
            {2: canonical([1, "sealed"])},
            {2: canonical([-1, b"sealed"])},
            {2: canonical([65536, b"sealed"])},
            {2: canonical([True, b"sealed"])},
            {2: canonical([None, b"sealed"])},
            {2: canonical({1: b"sealed"})},
            {2: cbor2.dumps([1.0, b"sealed"], canonical=True)},
            {2: cbor2.dumps([cbor2.CBORSimpleValue(1), b"sealed"])},
        ],
    )
    def test_what_is_neither_section_nor_digest_is_refused(self, forge, sections):
        """
        Under a scope's number stands a sealed section, or the digest of one.
        """
        wire = forge.statement()

        with refuses(MalformedError, "malformed"):
            parse_statement([wire[0], {SECTIONS: sections}, None, wire[3]])

    @pytest.mark.parametrize("section", ["8218014100", "82015800", "820141ff00"])
    def test_a_section_has_one_encoding(self, section):
        """
        The digest is of the bytes, so there must not be two forms of them.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            parse_section(bytes.fromhex(section))

    @pytest.mark.parametrize("label", [2, 3, 5, 16, -65537, "x", 0, -1])
    def test_an_unknown_protected_label_is_refused(self, forge, label):
        """
        RFC 9052, 3.1: what one does not understand there must not be passed over.
        """
        wire = forge.statement(change=lambda made: made.update({label: b"x"}))

        with refuses(MalformedError, "malformed"):
            parse_statement(wire)

    @pytest.mark.parametrize("label", [ALG, KID, CLAIMS])
    def test_every_protected_label_is_needed(self, forge, label):
        """
        Algorithm, key id and claims are always there.
        """
        wire = forge.statement(change=lambda made: made.pop(label))

        with refuses(MalformedError, "malformed"):
            parse_statement(wire)

    @pytest.mark.parametrize(
        ("label", "value"),
        [
            (ALG, "EdDSA"),
            (ALG, True),
            (ALG, None),
            (KID, b"seven.."),
            (KID, b"nine....."),
            (KID, "eight..."),
            (KID, None),
            (CLAIMS, []),
            (CLAIMS, None),
            (CLAIMS, {}),
        ],
    )
    def test_every_protected_label_has_its_kind(self, forge, label, value):
        """
        A header parameter of another type or length is refused.
        """
        wire = forge.statement(change=lambda made: made.update({label: value}))

        with refuses(MalformedError, "malformed"):
            parse_statement(wire)

    @pytest.mark.parametrize("label", [1, 2, 3, 5, 7, 8, -65538])
    def test_an_unknown_claim_is_refused(self, forge, label):
        """
        A statement has no audience, no id and no claim of anybody else's.
        """
        wire = forge.statement(change=lambda made: made[CLAIMS].update({label: 1}))

        with refuses(MalformedError, "malformed"):
            parse_statement(wire)

    @pytest.mark.parametrize("label", [EXP, IAT, PRIVATE])
    def test_every_claim_is_needed(self, forge, label):
        """
        Both times and the private claim are always there.
        """
        wire = forge.statement(change=lambda made: made[CLAIMS].pop(label))

        with refuses(MalformedError, "malformed"):
            parse_statement(wire)

    @pytest.mark.parametrize("label", [EXP, IAT])
    @pytest.mark.parametrize(
        "value", [-1, 253_402_300_800, 2**63, "0", None, True, b"0", [0]]
    )
    def test_an_instant_is_whole_seconds_until_the_year_9999(self, forge, label, value):
        """
        Nothing that no datetime can be made of is read as an instant.
        """
        wire = forge.statement(change=lambda made: made[CLAIMS].update({label: value}))

        with refuses(MalformedError, "malformed"):
            parse_statement(wire)

    def test_the_last_instant_is_read(self, forge):
        """
        The last second of the year 9999 and the first of 1970 are instants.
        """
        made = parse_statement(forge.statement(issued_s=0, expires_s=253_402_300_799))

        assert (0, 253_402_300_799) == (made.issued_s, made.expires_s)

    @pytest.mark.parametrize(
        "private",
        [
            None,
            {},
            [],
            [NONCE, "chat", 4, {}],
            [NONCE, "chat", 4, {}, 0, 0],
            [b"", "chat", 4, {}, 0],
            [NONCE[:-1], "chat", 4, {}, 0],
            [NONCE + b"\0", "chat", 4, {}, 0],
            [None, "chat", 4, {}, 0],
            [NONCE.hex(), "chat", 4, {}, 0],
            [[], "chat", 4, {}, 0],
            [[b"short"], "chat", 4, {}, 0],
            [[NONCE], "chat", 4, {}, 0],
            [["x" * 32], "chat", 4, {}, 0],
            [{0: PARENTS[0]}, "chat", 4, {}, 0],
            [NONCE, "", 4, {}, 0],
            [NONCE, "Chat", 4, {}, 0],
            [NONCE, "my chat", 4, {}, 0],
            [NONCE, ".chat", 4, {}, 0],
            [NONCE, "chat\n", 4, {}, 0],
            [NONCE, "c" * 33, 4, {}, 0],
            [NONCE, "chät", 4, {}, 0],
            [NONCE, b"chat", 4, {}, 0],
            [NONCE, None, 4, {}, 0],
            [NONCE, "chat", -1, {}, 0],
            [NONCE, "chat", 2**63, {}, 0],
            [NONCE, "chat", True, {}, 0],
            [NONCE, "chat", "4", {}, 0],
            [NONCE, "chat", 4, None, 0],
            [NONCE, "chat", 4, [], 0],
            [NONCE, "chat", 4, [1], 0],
            [NONCE, "chat", 4, 0, 0],
            [NONCE, "chat", 4, {}, -1],
            [NONCE, "chat", 4, {}, 32],
            [NONCE, "chat", 4, {}, 33],
            [PARENTS[:2], "chat", 4, {}, 16],
            [PARENTS[:2], "chat", 4, {}, 31],
            [NONCE, "chat", 4, {}, 2**40],
            [NONCE, "chat", 4, {}, True],
            [NONCE, "chat", 4, {}, None],
        ],
    )
    def test_another_private_claim_is_refused(self, forge, private):
        """
        Parents or nonce, channel, revision, clear facts and known flags: no other.
        """
        wire = forge.statement(
            change=lambda made: made[CLAIMS].update({PRIVATE: private})
        )

        with refuses(MalformedError, "malformed"):
            parse_statement(wire)

    @pytest.mark.parametrize(
        "parents",
        [[PARENTS[1], PARENTS[0]], [PARENTS[0], PARENTS[0]]],
        ids=["unsorted", "repeated"],
    )
    def test_parents_are_sorted_and_unique(self, forge, parents):
        """
        There is one way to name the same parents.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            parse_statement(forge.statement(origin=parents))

    @pytest.mark.parametrize(
        ("change", "kind", "code"),
        [
            (lambda raw: raw + b"\0", NotCanonicalError, "not_canonical"),
            (
                lambda raw: raw.replace(b"\x01\x32", b"\x01\x38\x12", 1),
                NotCanonicalError,
                "not_canonical",
            ),
            (
                lambda raw: b"\xbf" + raw[1:] + b"\xff",
                MalformedError,
                "malformed",
            ),
            (lambda raw: raw[:-1], MalformedError, "malformed"),
            (lambda raw: b"", MalformedError, "malformed"),
            (lambda raw: b"\x80", MalformedError, "malformed"),
            (lambda raw: b"\xd8\x12" + raw, MalformedError, "malformed"),
            (
                lambda raw: raw.replace(b"\x0f\xa3", b"\xf9\x4b\x80\xa3", 1),
                MalformedError,
                "malformed",
            ),
        ],
    )
    def test_the_protected_header_has_one_encoding(self, forge, change, kind, code):
        """
        It is held to deterministic encoding although the signature covers it.
        """
        protected = change(forge.statement()[0])
        wire = forge.statement(protected=protected)

        with refuses(kind, code):
            parse_statement(wire)

    @pytest.mark.parametrize(
        "clear",
        [
            {5: ["gold"]},
            {5: {0: ["gold"]}},
            {5: b"gold"},
            {5: None},
            {5: {0: {}}},
            {5: {0: "gold", 3: "q"}},
            {5: {0: "gold", 9: 0}},
            {0: "gold"},
            {"5": "gold"},
            {65536: "gold"},
            {5: "g" * (MAX_CLEAR_BYTES - 1)},
            {5: "ü" * (MAX_CLEAR_BYTES // 2)},
        ],
    )
    def test_a_clear_fact_is_short_text_or_a_number(self, forge, clear):
        """
        No structure and no text of more than 32 bytes travels in the clear.
        """
        with refuses(MalformedError, "malformed"):
            parse_statement(forge.statement(clear=clear))

    def test_a_clear_fact_has_32_bytes_at_most(self, forge):
        """
        Text of 30 characters is 32 bytes with its head, and is read.
        """
        clear = {5: "g" * (MAX_CLEAR_BYTES - 2), -1: {}}

        made = parse_statement(forge.statement(clear=clear))

        assert ["g" * 30, None] == [fact.value for fact in made.clear]

    @pytest.mark.parametrize("value", [4.0, cbor2.undefined, cbor2.CBORSimpleValue(4)])
    @pytest.mark.parametrize("place", [0, 1, 2, 3, 4, "header", "claims", "clear"])
    def test_floats_and_simple_values_have_no_place(self, forge, value, place):
        """
        Nothing in a statement is a float, undefined, or a simple value.
        """
        private = [NONCE, "chat", 4, {5: "gold"}, 0]
        made = header(forge.statement())
        if isinstance(place, int):
            private[place] = value
            made[CLAIMS][PRIVATE] = private
        elif place == "header":
            made[ALG] = value
        elif place == "claims":
            made[CLAIMS][IAT] = value
        else:
            private[3] = {5: value}
            made[CLAIMS][PRIVATE] = private
        protected = cbor2.dumps(made, canonical=True)

        with refuses(MalformedError, "malformed"):
            parse_statement([protected, {}, None, bytes(64)])

    @pytest.mark.parametrize("key", [1.0, True])
    @pytest.mark.parametrize("place", ["header", "clear fact"])
    def test_what_equals_a_label_is_none(self, forge, key, place):
        """
        1.0 and True are equal to 1 in Python, and are not the label 1.
        """

        def change(made):
            if place == "header":
                made[key] = made.pop(1)
            else:
                made[CLAIMS][PRIVATE][3] = {5: {0: "gold", key: 3}}

        made = header(forge.statement())
        change(made)
        ordered = dict(sorted(made.items(), key=lambda pair: cbor2.dumps(pair[0])))

        with refuses(MalformedError, "malformed"):
            parse_statement([cbor2.dumps(ordered), {}, None, bytes(64)])


class TestLimits:
    """
    Each limit of a statement, and one over it.
    """

    def test_parents_have_a_limit(self, forge):
        """
        16 parents are read and 17 are not.
        """
        made = parse_statement(forge.statement(origin=PARENTS[:MAX_PARENTS]))

        assert MAX_PARENTS == len(made.parents)
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            parse_statement(forge.statement(origin=PARENTS))

        assert ("parents", MAX_PARENTS) == (ei.value.what, ei.value.limit)

    def test_scopes_have_a_limit(self, forge):
        """
        16 sections are read and 17 are not, digests or not.
        """
        full = dict.fromkeys(range(1, MAX_SCOPES + 1), SECTION)

        assert MAX_SCOPES == len(parse_statement(forge.statement(raw=full)).sections)
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            parse_statement(forge.statement(raw={**full, 17: [digest(SECTION)]}))

        assert ("scopes", MAX_SCOPES) == (ei.value.what, ei.value.limit)

    def test_clear_facts_have_a_limit(self, forge):
        """
        64 clear facts are read and 65 are not.
        """
        full = dict.fromkeys(range(1, MAX_MAP_ENTRIES + 1), 1)

        assert MAX_MAP_ENTRIES == len(
            parse_statement(forge.statement(clear=full)).clear
        )
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            parse_statement(forge.statement(clear={**full, -1: 1}))

        assert MAX_MAP_ENTRIES == ei.value.limit

    def test_the_protected_header_has_a_limit(self, forge):
        """
        A header of 4 KiB is read and one byte more is not.
        """
        clear = {field: {0: 1, 4: "r" * 62} for field in range(24, 81)}
        size = len(forge.statement(clear=clear)[0])
        room = MAX_PROTECTED_BYTES - size - 8
        clear[100] = {0: 1, 4: "r" * room}
        full = forge.statement(clear=clear)
        clear[100] = {0: 1, 4: "r" * (room + 1)}
        over = forge.statement(clear=clear)

        assert (MAX_PROTECTED_BYTES, MAX_PROTECTED_BYTES + 1) == (
            len(full[0]),
            len(over[0]),
        )
        assert full == parse_statement(full).to_wire()
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            parse_statement(over)

        assert MAX_PROTECTED_BYTES == ei.value.limit

    def test_a_sealed_section_has_a_limit(self):
        """
        More sealed bytes than the largest plaintext needs are not read.
        """
        full = canonical([65535, bytes(MAX_SEALED_BYTES)])

        assert (65535, bytes(MAX_SEALED_BYTES)) == parse_section(full)
        with refuses(LimitExceededError, "limit_exceeded") as ei:
            parse_section(canonical([1, bytes(MAX_SEALED_BYTES + 1)]))

        assert MAX_SEALED_BYTES == ei.value.limit


class TestWithholding:
    """
    A section or its digest: the signature does not notice.
    """

    def test_a_digest_takes_the_place_of_a_section(self, forge):
        """
        Without a section the statement is the same, and shows that one is gone.
        """
        wire = forge.statement(raw={2: SECTION, 3: SECTION})
        whole = parse_statement(wire)

        part = whole.without([2])

        assert withheld(wire, 2) == part.to_wire()
        assert whole.id == part.id
        assert whole.signed_bytes(DOMAIN) == part.signed_bytes(DOMAIN)
        assert whole != part
        assert part == parse_statement(part.to_wire())

    def test_to_withhold_what_is_not_there_changes_nothing(self, forge):
        """
        A scope without a section, or withheld already, makes no new statement.
        """
        part = parse_statement(forge.statement(raw={2: SECTION})).without([2])

        assert part is part.without([2, 3])

    def test_joined_copies_have_the_sections_of_both(self, forge):
        """
        Merging prefers a section over its digest, whichever side has it.
        """
        whole = parse_statement(forge.statement(raw={2: SECTION, 3: SECTION}))
        one, other = whole.without([2]), whole.without([3])

        assert whole == one.joined(other) == other.joined(one)
        assert [2, 3] == list(one.joined(other).sections)
        assert whole is whole.joined(one)

    def test_a_section_under_another_scope_is_another_statement(self, forge):
        """
        A section moved to another scope number changes what is signed.
        """
        here = forge.statement(raw={2: SECTION})
        there = [here[0], {SECTIONS: {3: SECTION}}, None, here[3]]

        assert identify(here) != parse_statement(there).id


class TestValue:
    """
    How a statement behaves as a Python value.
    """

    def test_it_equals_its_copy_only(self, forge):
        """
        Two statements are equal if they have one id and the same sections.
        """
        wire = forge.statement(raw={2: SECTION})
        one, same = parse_statement(wire), parse_statement(wire)

        assert one == same
        assert hash(one) == hash(same)
        assert one != parse_statement(forge.statement())
        assert one != wire

    def test_it_is_read_only(self, forge):
        """
        Nobody who holds a statement can change it.
        """
        made = parse_statement(forge.statement(raw={2: SECTION}))

        with pytest.raises(AttributeError):
            made.flags = 0
        with pytest.raises(TypeError):
            made.sections[3] = SECTION
        with pytest.raises(TypeError):
            made.digests[3] = digest(SECTION)

    def test_it_shows_ids_only(self, sales):
        """
        A repr has the ids and nothing that somebody said, clear or sealed.
        """
        journey = sales.begin(channel="chat")
        journey.learn(Acme.full_name, "sentinel")
        journey.learn(Acme.language, "en-scouse")
        (made,) = journey.hand_over("support").statements

        shown = f"{made!r} {made} {made:}"

        assert isinstance(made, Statement)
        assert re.fullmatch(
            r"(<Statement [0-9a-f]{8} by key [0-9a-f]{16}> ?){3}", shown
        )

    @pytest.mark.parametrize("channel", ["c", "c" * 32, "web.chat-2_b", "4711"])
    def test_a_channel_is_a_short_word(self, channel):
        """
        What is a channel comes back as it is.
        """
        assert channel == check_channel(channel)

    @pytest.mark.parametrize(
        "channel", ["", "C", "a b", "-a", "c" * 33, "chat\n", "chät", None, b"chat", 1]
    )
    def test_what_is_no_channel_is_the_callers_mistake(self, channel):
        """
        A channel is readable by all, so free text is refused with the reason.
        """
        with pytest.raises(ValueError, match=r"travels unencrypted"):
            check_channel(channel)


class TestPlaintextNeverHashed:
    """
    Protocol, section 1: digests are of randomised ciphertext.
    """

    def test_the_same_facts_have_other_digests(self, forge):
        """
        Sealing twice gives other bytes, so a digest tells nothing of the facts.
        """
        one, other = (
            parse_statement(forge.statement(says={2: {10: "A-118"}})) for _ in range(2)
        )

        assert one.protected == other.protected
        assert one.digests[2] != other.digests[2]

    def test_the_size_of_a_section_is_coarse(self, forge):
        """
        Values of 1 to 26 bytes make sections of one size.
        """
        sizes = {
            len(forge.statement(says={2: {10: "A" * n}})[1][SECTIONS][2])
            for n in range(1, 27)
        }

        assert 1 == len(sizes)

    def test_what_the_library_seals_is_padded(self, sales, forge):
        """
        A longer name does not make a longer envelope.
        """
        sizes = set()
        for name in ("Al", "Alexandra Alexandrova"):
            journey = sales.begin(channel="chat")
            journey.learn(Acme.full_name, name)
            sizes.add(len(bytes(journey.hand_over("support"))))

        assert 1 == len(sizes)
        assert 32 == len(SectionContent().encode())


class TestProperties:
    """
    What holds for all statements.
    """

    @given(WIRES)
    def test_any_structure_is_read_or_refused(self, wire):
        """
        Whatever stands where a statement should, only a refusal is raised.
        """
        try:
            made = parse_statement(wire)
        except VerificationError:
            return

        assert wire == made.to_wire()

    @given(WIRES)
    def test_any_header_is_read_or_refused(self, made):
        """
        Whatever stands where a protected header should, only a refusal is raised.
        """
        try:
            parse_statement([canonical(made), {}, None, bytes(64)])
        except VerificationError:
            return

        assert {ALG, KID, CLAIMS} == made.keys()

    @given(st.data())
    def test_any_private_claim_is_read_or_refused(self, data):
        """
        Whatever stands in place of one claim, only a refusal is raised.
        """
        private = [NONCE, "chat", 4, {}, 0]
        private[data.draw(st.integers(0, 4))] = data.draw(WIRES)
        claims = {EXP: 1, IAT: 0, PRIVATE: private}
        made = {ALG: -19, KID: bytes(8), CLAIMS: claims}
        wire = [canonical(made), {}, None, bytes(64)]
        try:
            statement = parse_statement(wire)
        except VerificationError:
            return

        assert wire == statement.to_wire()


def test_a_real_statement_has_these_claims(sales):
    """
    What the library signs has the claims of the protocol, and no more.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.order_number, "A-118")
    (wire,) = unpack(journey.hand_over("support"))[1]

    claims = claims_of(wire)

    assert [EXP, IAT, PRIVATE] == list(claims)
    assert (START_S + LIFETIME_S, START_S) == (claims[EXP], claims[IAT])
    nonce, *rest = claims[PRIVATE]
    assert 16 == len(nonce)
    assert ["chat", 4, {}, 0] == rest
    assert [2] == list(wire[1][SECTIONS])


class Signature:
    """
    A signer that returns what it was given to return.
    """

    key_id = bytes(8)
    algorithm = -19

    def __init__(self, returned):
        self.returned = returned

    def sign(self, _):
        """
        Return it.
        """
        return self.returned


@pytest.mark.parametrize("returned", [b"", bytes(63), bytes(65), bytes(72), "x" * 64])
def test_a_service_that_signs_in_another_form_is_told_so(returned):
    """
    What is not 64 raw bytes never becomes a statement or delivery.
    """
    with pytest.raises(UsageError, match="not in DER"):
        sign(Signature(returned), b"data")

    assert bytes(64) == sign(Signature(bytes(64)), b"data")
