"""
The 48 characters themselves: their layout, and what is refused without a store.
"""

from __future__ import annotations

import copy
import hmac
import pickle
import secrets
import struct
from base64 import b32decode, b32encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keeping import shown

from cxcontext.errors import (
    NotPicklableError,
    ReferenceExpiredError,
    ReferenceForgedError,
    ReferenceMalformedError,
    UsageError,
    VerificationError,
)
from cxcontext.homes import Reference, ReferenceKeys
from cxcontext.homes.pepper import Pepper

NOW_S = 1_767_225_600
ENDS_S = NOW_S + 1800
KEY = bytes(range(100, 132))
ID = bytes(range(15))
GUESSES = 100_000
REFUSED = (ReferenceMalformedError, ReferenceForgedError, ReferenceExpiredError)


def by_hand(*, key, number, expires_s, identifier):
    """
    Return the characters as telephony notes C2 has them, field by field.
    """
    head = struct.pack(">BBI15s", 0x15, 0xC0 | number, expires_s, identifier)
    check = hmac.new(key, b"cxref1|" + head, "sha256").digest()[: 72 // 8]
    return b32encode(head + check).decode().rstrip("=")


def minted(keys, *, expires_s=ENDS_S, identifier=ID):
    """
    Return a reference whose id is not random.
    """
    return keys.mint(expires_s=expires_s, random=lambda size: identifier[:size])


@pytest.fixture(scope="module")
def keys():
    """
    One key that mints.
    """
    return ReferenceKeys({5: KEY})


@pytest.fixture(scope="module")
def reference(keys):
    """
    What it minted.
    """
    return minted(keys)


class TestLayout:
    """
    Telephony notes, C2, byte by byte.
    """

    @given(
        number=st.integers(0, 63),
        expires_s=st.integers(0, 2**32 - 1),
        identifier=st.binary(min_size=15, max_size=15),
        key=st.binary(min_size=32, max_size=80),
    )
    def test_it_is_what_is_computed_by_hand(self, number, expires_s, identifier, key):
        """
        For every key number, key, expiry and id, both say the same 48 characters.
        """
        keys = ReferenceKeys({number: key})
        found = minted(keys, expires_s=expires_s, identifier=identifier)
        expected = by_hand(
            key=key, number=number, expires_s=expires_s, identifier=identifier
        )

        assert (expected, 48, b32decode(expected)) == (
            str(found),
            len(str(found)),
            bytes(found),
        )

    def test_it_begins_with_cx_whichever_key_minted(self):
        """
        All 64 key numbers give an eight-bit-clean text that begins with ``CX``.
        """
        texts = [str(minted(ReferenceKeys({number: KEY}))) for number in range(64)]

        assert (64, {"CX"}, True) == (
            len(set(texts)),
            {text[:2] for text in texts},
            all(text.isascii() and text.isalnum() for text in texts),
        )

    def test_its_parts_are_what_was_minted(self, reference):
        """
        Id, expiry and where it is found can be read from it.
        """
        assert (ID, ENDS_S, datetime.fromtimestamp(ENDS_S, UTC), 32) == (
            reference.id,
            reference.expires_s,
            reference.expires_at,
            len(reference.lookup),
        )

    def test_two_are_never_the_same(self, keys):
        """
        The id comes from the random source that is passed, 15 bytes of it.
        """
        sizes = []

        def random(size):
            sizes.append(size)
            return secrets.token_bytes(size)

        found = {str(keys.mint(expires_s=ENDS_S, random=random)) for _ in range(100)}

        assert (100, {15}) == (len(found), set(sizes))

    @pytest.mark.parametrize("expires_s", [-1, 2**32])
    def test_it_expires_within_32_bits(self, keys, expires_s):
        """
        An instant that has no four bytes is an error that says so.
        """
        with pytest.raises(UsageError, match="2106"):
            minted(keys, expires_s=expires_s)


class TestParsing:
    """
    What an edge does with what came.
    """

    @pytest.mark.parametrize(
        "form", [str, bytes, lambda r: str(r).encode()], ids=["text", "raw", "ascii"]
    )
    def test_each_form_is_the_reference_again(self, keys, reference, form):
        """
        The characters, as text or ASCII, and the bytes all lead back.
        """
        assert reference == keys.parse(form(reference), now_s=NOW_S)

    def test_it_lives_until_its_expiry(self, keys, reference):
        """
        One second before it is good, and at the instant it has expired.
        """
        assert reference == keys.parse(str(reference), now_s=ENDS_S - 1)
        with pytest.raises(ReferenceExpiredError):
            keys.parse(str(reference), now_s=ENDS_S)

    def test_every_changed_bit_is_refused(self, keys, reference):
        """
        Of all 240, none can be flipped: neither the expiry nor the id is moved.
        """
        raw = bytes(reference)
        for bit in range(len(raw) * 8):
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises((ReferenceMalformedError, ReferenceForgedError)):
                keys.parse(bytes(changed), now_s=NOW_S)

    def test_every_changed_character_is_refused(self, keys, reference):
        """
        At each of the 48 places every other letter of the alphabet is noticed.
        """
        text = str(reference)
        for place in range(48):
            for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".replace(text[place], ""):
                changed = text[:place] + letter + text[place + 1 :]
                with pytest.raises((ReferenceMalformedError, ReferenceForgedError)):
                    keys.parse(changed, now_s=NOW_S)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: "",
            lambda text: text[:-1],
            lambda text: text + "A",
            lambda text: text + "\n",
            lambda text: " " + text[:-1],
            lambda text: text + "======",
            str.lower,
            lambda text: text[:-1] + "1",
            lambda text: text[:-1] + "\u0662",
            lambda text: "\uff23" + text[1:],
            lambda text: text[:-1].encode() + b"\xff",
            lambda text: text.encode()[:31],
            lambda text: bytearray(text.encode()),
            lambda text: None,
            lambda text: 7,
            lambda text: ["CX", text],
        ],
    )
    def test_no_other_spelling_is_one(self, keys, reference, spoil):
        """
        There is one text for one reference, and everything else is malformed.
        """
        with pytest.raises(ReferenceMalformedError, match="48 characters"):
            keys.parse(spoil(str(reference)), now_s=NOW_S)

    @given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
    def test_whatever_comes_has_one_of_three_answers(self, keys, raw):
        """
        Malformed, forged or expired, and never another error.
        """
        with pytest.raises(REFUSED) as ei:
            keys.parse(raw, now_s=NOW_S)

        assert isinstance(ei.value, VerificationError)

    def test_a_hundred_thousand_guesses_are_refused(self, keys):
        """
        Well-formed and unexpired ones by a known key number: 2 to the 72 are needed.
        """
        head = struct.pack(">BBI", 0x15, 0xC0 | 5, ENDS_S)
        refused = 0
        for _ in range(GUESSES):
            try:
                keys.parse(head + secrets.token_bytes(24), now_s=NOW_S)
            except ReferenceForgedError:
                refused += 1

        assert GUESSES == refused


class TestKeys:
    """
    Which keys mint, and which only check.
    """

    def test_the_newest_mints_and_the_old_still_check(self, keys, reference):
        """
        After a rotation both are accepted, and the new ones name the new key.
        """
        rotated = ReferenceKeys({5: KEY, 6: bytes(32)})
        new = minted(rotated)

        assert (6, 6, reference, new) == (
            rotated.minting,
            bytes(new)[1] & 63,
            rotated.parse(str(reference), now_s=NOW_S),
            rotated.parse(str(new), now_s=NOW_S),
        )
        with pytest.raises(ReferenceForgedError):
            keys.parse(str(new), now_s=NOW_S)

    def test_a_key_that_is_not_known_yet_to_all_does_not_mint(self):
        """
        A new key may be handed out before any reference needs it.
        """
        keys = ReferenceKeys({5: KEY, 6: bytes(32)}, minting=5)

        assert 5 == bytes(minted(keys))[1] & 63

    def test_a_retired_key_is_no_key(self, reference):
        """
        What it minted is refused, and so is another key under the same number.
        """
        for keys in ({6: KEY}, {5: bytes(32)}):
            with pytest.raises(ReferenceForgedError):
                ReferenceKeys(keys).parse(str(reference), now_s=NOW_S)

    @pytest.mark.parametrize(
        ("keys", "message"),
        [
            ({}, "no reference key mints"),
            ({0: bytes(31)}, "32 random bytes"),
            ({0: "k" * 32}, "32 random bytes"),
            ({64: KEY}, "0 to 63"),
            ({-1: KEY}, "0 to 63"),
        ],
    )
    def test_bad_keys_are_an_error_at_once(self, keys, message):
        """
        A short key, or none, is not noticed by a customer first.
        """
        with pytest.raises(UsageError, match=message):
            ReferenceKeys(keys)

    def test_only_a_key_that_is_there_mints(self):
        """
        The number of another one is an error.
        """
        with pytest.raises(UsageError, match="no reference key mints"):
            ReferenceKeys({0: KEY}, minting=1)

    def test_the_mapping_that_was_passed_may_change(self, reference):
        """
        Whoever empties their dict afterwards takes no key away.
        """
        passed = {5: KEY}
        keys = ReferenceKeys(passed)
        passed.clear()

        assert reference == keys.parse(str(reference), now_s=NOW_S)


class TestShowing:
    """
    What gets into logs, queues and error reports.
    """

    def test_only_eight_characters_are_shown(self, reference):
        """
        In a representation, an f-string and a container: version, key, rough expiry.
        """
        text = str(reference)
        seen = [repr(reference), f"{reference}", f"{reference:>60}", f"{[reference]}"]

        assert ([True] * 4, [False] * 4) == (
            [text[:8] in one for one in seen],
            [text[:9] in one for one in seen],
        )

    def test_keys_and_pepper_show_nothing(self, keys):
        """
        The representation of keys has their numbers, that of a pepper nothing.
        """
        assert ("<ReferenceKeys [5], 5 mints>", "<Pepper>") == (
            f"{keys}",
            f"{Pepper(KEY)}",
        )

    @pytest.mark.parametrize("what", ["reference", "keys", "pepper"])
    def test_none_is_pickled_and_all_are_copied(self, reference, keys, what):
        """
        A pickle outlives them in a file; a copy is the same object.
        """
        held = {"reference": reference, "keys": keys, "pepper": Pepper(KEY)}[what]
        with pytest.raises(NotPicklableError):
            pickle.dumps(held)

        assert (held, held) == (copy.copy(held), copy.deepcopy(held))
        assert copy.copy(held) is held

    def test_a_refusal_shows_neither_what_came_nor_the_key(self, keys, reference):
        """
        Not in its message, and not in the locals of any frame of ours.
        """
        other = ReferenceKeys({5: bytes(32)})
        for holder, now_s in ((other, NOW_S), (keys, ENDS_S)):
            try:
                holder.parse(str(reference), now_s=now_s)
            except VerificationError as problem:
                seen = shown(problem)
            for secret in (str(reference), repr(bytes(reference)), repr(KEY)):
                assert secret not in seen
            assert repr(bytes(32)) not in seen

    def test_it_is_no_reference_without_a_parser(self, reference):
        """
        Two of the same bytes are equal, and may be in a set.
        """
        assert {reference} == {reference, Reference(bytes(reference))}
