"""
References against whoever has the store, the pepper, or another department's keys.
"""

from __future__ import annotations

import secrets
import struct

import attrs
import cbor2
import pytest
from acme import START_S, Acme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keeping import KEYS, PEPPER, Open, home_on, references_on

import cxcontext as cx
from cxcontext.errors import (
    RecordTamperedError,
    ReferenceForgedError,
    ReferenceLostError,
    ReferenceUsedError,
    VerificationError,
    WrongAudienceError,
    WrongBindingError,
)
from cxcontext.homes import Reference
from cxcontext.homes.pepper import Pepper
from cxcontext.homes.reference_record import (
    PREFIX_BYTES,
    ReferenceRecord,
    _associated,
    _cipher,
    prefix_of,
)

LEG = "CA-leg-1"
GUESSES = 5_000


@pytest.fixture
def store():
    """
    A store that somebody else has access to.
    """
    return Open()


@pytest.fixture
def references(store):
    """
    References on it.
    """
    return references_on(store)


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which a name was learned.
    """
    journey = sales.begin(channel="phone")
    journey.learn(Acme.full_name, "Ada Lovelace")
    return journey


def taken(references, reference, department, **how):
    """
    Redeem what a leg brought.
    """
    how = {"lease": LEG} | how
    return references.redeem(str(reference), department=department, **how)


class TestStore:
    """
    Whoever can write to the store, and has no keys.
    """

    def test_two_records_are_not_exchanged(self, store, references, sales, billing):
        """
        Another customer's record of the same audience and instant does not open.
        """
        put = [references.put(sales.begin(channel="web"), "billing") for _ in range(2)]
        records = [store.records()[reference.lookup] for reference in put]
        for reference, record in zip(put, reversed(records), strict=True):
            store.put(reference.lookup, record)
            with pytest.raises(RecordTamperedError):
                taken(references, reference, billing)

    def test_a_record_does_not_move(self, store, references, journey, billing):
        """
        One in the place of a journey, of heads or of nothing is refused there.
        """
        home = home_on(store)
        place = home.contribute(journey)
        reference = references.put(journey, "billing")
        record = store.records()[reference.lookup]
        pepper = Pepper(PEPPER)
        for purpose in ("heads", "journey"):
            at = pepper.lookup(purpose, journey.id.encode())
            kept = store.records()[at]
            store.put(at, record)
            with pytest.raises(VerificationError):
                home.resume(place, department=billing)
            store.put(at, kept)
            store.put(reference.lookup, kept)
            with pytest.raises(VerificationError):
                taken(references, reference, billing)
            store.put(reference.lookup, record)

        assert reference == taken(references, reference, billing).reference

    def test_a_longer_life_is_not_given(self, store, references, journey, billing):
        """
        A record that is renewed under a reference of another expiry does not open.
        """
        reference = references.put(journey, "billing")
        longer = KEYS.mint(expires_s=START_S + 10**6, random=lambda _: reference.id)
        with pytest.raises(RecordTamperedError):
            taken(references, longer, billing)

    @pytest.mark.parametrize("once", [True, False])
    def test_every_changed_bit_is_refused(
        self, store, references, journey, billing, once
    ):
        """
        Wherever it is: in what says for whom, in the header, the nonce, the envelope.
        """
        reference = references.put(journey, "billing", once=once)
        record = store.records()[reference.lookup]
        # The envelope is one ciphertext; some bits of it stand for all.
        places = [*range(20 * 8), *range(20 * 8, len(record) * 8, 31)]
        for bit in places:
            changed = bytearray(record)
            changed[bit // 8] ^= 1 << bit % 8
            store.put(reference.lookup, bytes(changed))
            store._claims.clear()
            with pytest.raises(VerificationError):
                taken(references, reference, billing)

    def test_whatever_is_cut_or_put_instead_is_refused(
        self, store, references, journey, billing
    ):
        """
        Any length but the whole, and CBOR that is large, deep or no list.
        """
        reference = references.put(journey, "billing")
        record = store.records()[reference.lookup]
        prefix = record[:PREFIX_BYTES]
        cuts = [record[:size] for size in range(len(record))]
        instead = [
            b"\x9b" + b"\xff" * 8,
            b"\x5b" + b"\xff" * 8,
            b"\x81" * 5000,
            b"\xc1\x61a",
            cbor2.dumps([b"", b"", b"", b""]),
            cbor2.dumps([b"", b"", b""]),
            cbor2.dumps([b"", bytes(12), 7]),
            cbor2.dumps({0: b"", 1: b"", 2: b""}),
        ]
        for changed in [*cuts, *(prefix + junk for junk in instead)]:
            store.put(reference.lookup, changed)
            store._claims.clear()
            with pytest.raises(VerificationError):
                taken(references, reference, billing)

    def test_who_deletes_an_ancestor_gains_nothing(
        self, store, references, journey, billing
    ):
        """
        A child whose parent's record is gone is lost.
        """
        parent = references.put(journey, "billing")
        child = references.put(journey, "billing", parent=parent)
        store.remove(parent.lookup)
        with pytest.raises(ReferenceLostError):
            taken(references, child, billing)

    def test_a_forgotten_claimant_is_seen_as_a_replay(
        self, store, references, journey, billing
    ):
        """
        A store that resets who redeemed hands the journey out again, and that shows.
        """
        reference = references.put(journey, "billing", once=True)
        taken(references, reference, billing)
        with pytest.raises(ReferenceUsedError):
            taken(references, reference, billing)
        store._claims.clear()

        assert taken(references, reference, billing).journey.replayed

    @pytest.mark.parametrize("order", [-1, 2**53 + 1, 10**30])
    def test_orders_that_nobody_gave_are_refused(
        self, store, references, journey, billing, order, monkeypatch
    ):
        """
        A store that sorts by numbers of its own stops a rotation, with its code.
        """
        reference = references.put(journey, "billing", carried=True)
        monkeypatch.setattr(store, "linked", lambda *_, **__: [(order, bytes(32))])
        with pytest.raises(RecordTamperedError):
            taken(references, reference, billing)


HEADERS = {
    "nothing": None,
    "text": "billing",
    "short": ["billing"],
    "an audience that is none": [7, False, [], False, False],
    "ancestors that are none": ["billing", False, 7, False, False],
    "an ancestor that is none": ["billing", False, [7], False, False],
    "a place that is none": ["billing", False, [["x" * 32, 1]], False, False],
    "a short place": ["billing", False, [[b"x", 10**12]], False, False],
    "an expiry that is none": ["billing", False, [[bytes(32), "x"]], False, False],
    "a thousand ancestors": ["billing", False, [[bytes(32), 1]] * 1000, False, False],
    "a number for once": ["billing", False, [], 2, False],
    "a text for carried": ["billing", False, [], False, "no"],
    "another audience": ["sales", False, [], False, False],
    "a message": ["billing", True, [], False, False],
    "single use": ["billing", False, [], True, False],
}


class TestInsider:
    """
    A department that has store, pepper and reference keys, and no others' keys.
    """

    def forged(self, store, header, envelope=b""):
        """
        Return a reference whose record the insider wrote by hand.
        """
        reference = KEYS.mint(expires_s=START_S + 600, random=secrets.token_bytes)
        packed, nonce = cbor2.dumps(header), bytes(12)
        sealed = _cipher(reference).encrypt(
            nonce, envelope, _associated(reference, packed)
        )
        record = prefix_of("billing", once=False, message=False)
        record += cbor2.dumps([packed, nonce, sealed])
        store.replace(reference.lookup, record, version=None, now_s=0, expires_s=10**12)
        return reference

    @pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
    def test_a_header_of_their_own_is_refused(
        self, store, references, billing, journey, header
    ):
        """
        What opens and is not what the library writes is an error with a code.
        """
        envelope = bytes(journey.hand_over("billing"))
        reference = self.forged(store, header, envelope)
        with pytest.raises(RecordTamperedError):
            taken(references, reference, billing)

    def test_an_envelope_of_another_message_is_refused(
        self, store, references, billing, journey
    ):
        """
        A genuine hand-over to billing is bound to no reference, and does not go.
        """
        header = ["billing", False, [], False, False]
        for envelope in (
            bytes(journey.hand_over("billing")),
            bytes(journey.hand_over("billing", binding=bytes(30))),
        ):
            reference = self.forged(store, header, envelope)
            with pytest.raises(WrongBindingError):
                taken(references, reference, billing)

    @given(
        header=st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.binary(), st.text()),
            lambda inner: st.lists(inner, max_size=5),
        )
    )
    @settings(
        max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_no_header_raises_anything_else(self, billing, header):
        """
        Every other one is refused with a verification error.
        """
        store = Open()
        reference = self.forged(store, header)
        with pytest.raises(VerificationError):
            taken(references_on(store), reference, billing)

    def test_a_stolen_reference_is_of_no_use_to_them(
        self, references, journey, world, billing
    ):
        """
        Sales neither reads what is for billing nor burns it, and no leg either.
        """
        reference = references.put(journey, "billing")
        for name in ("sales", "support"):
            with pytest.raises(WrongAudienceError):
                taken(references, reference, world[name])
        # What was a call's is no message's: seen in a call record, sent in a header.
        carrier = _Header(str(reference))
        found = cx.Propagator(billing, references=references).extract(carrier, name="x")

        assert (True, reference) == (
            isinstance(found.problem, WrongAudienceError),
            taken(references, reference, billing).reference,
        )

    def test_a_messages_reference_is_no_calls(self, references, journey, billing):
        """
        What went with a message is not redeemed by a leg, nor burnt by it.
        """
        deposited = references.deposit(
            journey, "billing", lifetime=cx.Destination("billing").lifetime
        )
        with pytest.raises(WrongAudienceError):
            taken(references, deposited.text, billing)
        fetched = references.fetch(deposited.text, department=billing)

        assert (journey.id, cx.Arrival.DELIVERY) == (fetched.id, fetched.arrival)

    def test_another_vocabulary_of_keys_is_no_way_in(self, references, journey, store):
        """
        With other reference keys nothing can be minted for a record that is there.
        """
        reference = references.put(journey, "billing")
        head = bytes(reference)[:21]
        forged = Reference(head + bytes(9))
        with pytest.raises(ReferenceForgedError):
            KEYS.parse(bytes(forged), now_s=START_S)


@attrs.frozen
class _Header:
    """
    A message with one value.
    """

    value: str
    limits = cx.Limits()

    def get_all(self, _name):
        """
        Return it.
        """
        return [self.value]


class TestGuessing:
    """
    Whoever tries.
    """

    def test_no_guess_reaches_the_store(self, references, store, journey, billing):
        """
        Thousands of guesses ask it nothing, and the honest caller gets through.
        """
        reference = references.put(journey, "billing")
        asked, claim = [], store.claim
        store.claim = lambda *args, **how: asked.append(args) or claim(*args, **how)
        head = struct.pack(">BBI", 0x15, 0xC0 | 7, reference.expires_s)
        for _ in range(GUESSES):
            with pytest.raises(ReferenceForgedError):
                taken(references, Reference(head + secrets.token_bytes(24)), billing)
        found = taken(references, reference, billing).reference

        assert (reference, 1) == (found, len(asked))

    def test_who_has_the_keys_still_guesses_120_bits(self, references, billing):
        """
        A genuine check value under a guessed id leads to nothing.
        """
        for _ in range(200):
            minted = KEYS.mint(expires_s=START_S + 600, random=secrets.token_bytes)
            with pytest.raises(ReferenceLostError):
                taken(references, minted, billing)


def test_a_record_says_with_what_it_begins():
    """
    Audience, kind and use each change it; a claim without a leg compares the rest.
    """
    made = {
        (audience, once, message): prefix_of(audience, once=once, message=message)
        for audience in ("billing", "sales")
        for once in (True, False)
        for message in (True, False)
    }
    record = ReferenceRecord(
        audience="sales",
        message=True,
        ancestors=(),
        once=True,
        carried=False,
        envelope=b"",
    )

    assert (8, {8}, made["sales", True, True]) == (
        len(set(made.values())),
        {len(prefix) for prefix in made.values()},
        record.prefix,
    )
