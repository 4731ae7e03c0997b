"""
Erasure notices and receipts: who says what to whom, and that nobody else does.
"""

from __future__ import annotations

import pytest
from acme import START, START_S, World, ring_of
from forge import CLAIMS, canonical, flip, header, pack, refuses, signature, unpack
from hypothesis import given
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.core.keygen import revoke
from cxcontext.errors import (
    ExternalAuthorError,
    ForgedNoticeError,
    IssuedInFutureError,
    KeyRevokedError,
    MalformedError,
    NotCanonicalError,
    TooLargeError,
    UnknownDepartmentError,
    UnknownKeyError,
    UsageError,
    VerificationError,
    WrongAlgorithmError,
    WrongAudienceError,
)

JOURNEY = "00112233445566778899aabbccddeeff"
ID = bytes(range(16))


@pytest.fixture
def notice(sales):
    """
    A notice from sales to support.
    """
    return noticed(sales)


def noticed(department, to="support", **changes):
    """
    Return a notice of the department.
    """
    how = {"journey_id": JOURNEY, "erased_at": START, "notice_id": ID}
    return cx.notices.sign_notice(department, to=to, **(how | changes))


class TestNotice:
    """
    From whoever erased a journey to whoever is to forget it.
    """

    def test_it_is_read_as_it_was_signed(self, notice, support):
        """
        The receiver reads exactly what the sender has.
        """
        assert notice == cx.notices.verify_notice(support, bytes(notice))

    def test_it_names_who_when_and_which(self, notice):
        """
        It has sender, receiver, instant, journey and its own id.
        """
        assert (ID.hex(), JOURNEY, "sales", "support", START) == (
            notice.id,
            notice.journey_id,
            notice.by,
            notice.to,
            notice.erased_at,
        )

    def test_it_is_a_cose_sign1_of_the_specification(self, notice, sales):
        """
        Header, claims and what is signed are those of the specification.
        """
        protected, unprotected, nothing, signed = unpack(notice)
        signer = sales.keys.signers[0]

        assert (
            canonical(
                {
                    1: signer.algorithm,
                    4: signer.key_id,
                    15: {
                        3: "support",
                        6: START_S,
                        7: ID,
                        -65537: [bytes.fromhex(JOURNEY), START_S],
                    },
                }
            )
            == protected
        )
        assert ({}, None) == (unprotected, nothing)
        assert signature(signer, protected, b"", use="erasure-notice") == signed

    def test_a_partner_is_told_too(self, sales, world):
        """
        Who was sent an export is sent a notice, and reads it.
        """
        notice = noticed(sales, to="carrier")

        assert notice == cx.notices.verify_notice(world["carrier"], bytes(notice))

    def test_no_partner_erases(self, world, support):
        """
        A notice that a partner signed is refused.
        """
        notice = noticed(world["carrier"])

        with refuses(ExternalAuthorError, "external_author"):
            cx.notices.verify_notice(support, bytes(notice))

    def test_it_is_for_one_department(self, notice, billing):
        """
        Who is not its audience does not act upon it.
        """
        with refuses(WrongAudienceError, "wrong_audience"):
            cx.notices.verify_notice(billing, bytes(notice))

    def test_nobody_unknown_is_told(self, sales):
        """
        A receiver that the key set does not have is refused when signing.
        """
        with pytest.raises(UnknownDepartmentError):
            noticed(sales, to="suport")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"notice_id": b"short"},
            {"journey_id": "short"},
            {"journey_id": JOURNEY.upper()},
            {"journey_id": "x" * 32},
            {"journey_id": None},
        ],
    )
    def test_what_is_no_id_is_refused_when_signing(self, sales, wrong):
        """
        A notice is never sent that its receiver could not read.
        """
        with pytest.raises(UsageError):
            noticed(sales, **wrong)

    def test_another_key_does_not_sign_it(self, notice, support, billing):
        """
        Whoever claims another's key is refused.
        """
        wire = unpack(notice)
        signer = billing.keys.signers[0]
        wire[3] = signature(signer, wire[0], b"", use="erasure-notice")

        with refuses(ForgedNoticeError, "forged_notice"):
            cx.notices.verify_notice(support, pack(wire))

    def test_another_domains_are_not_ours(self, notice, support):
        """
        The trust domain's name is in what is signed.
        """
        wire = unpack(notice)
        signer = support.keys.signers[0]
        wire[3] = signature(
            signer, wire[0], b"", use="erasure-notice", domain="other.example"
        )

        with refuses(ForgedNoticeError, "forged_notice"):
            cx.notices.verify_notice(support, pack(wire))

    def test_what_is_signed_otherwise_is_no_notice(self, notice, sales, support):
        """
        A statement's, a delivery's or a receipt's signature does not pass for it.
        """
        signer = sales.keys.signers[0]
        for use in ("statement", "delivery", "erasure-receipt"):
            wire = unpack(notice)
            wire[3] = signature(signer, wire[0], b"", use=use)

            with refuses(ForgedNoticeError, "forged_notice"):
                cx.notices.verify_notice(support, pack(wire))

    def test_its_key_must_be_known(self, ring, clock, notice):
        """
        A key that nobody published signs nothing.
        """
        stranger = World(ring_of(), clock)["sales"]
        other = noticed(stranger)

        with refuses(UnknownKeyError, "unknown_key"):
            cx.notices.verify_notice(World(ring, clock)["support"], bytes(other))

    def test_a_revoked_key_erases_nothing(self, ring, clock, notice):
        """
        What a revoked key signed is refused.
        """
        key_id = ring.private["sales"].signers[0].key_id
        revoked = revoke(ring, key_id, now=START)

        with refuses(KeyRevokedError, "key_revoked"):
            cx.notices.verify_notice(World(revoked, clock)["support"], bytes(notice))

    def test_it_is_not_from_the_future(self, notice, support, clock):
        """
        A notice more than a minute ahead of the receiver's clock is refused.
        """
        clock.advance(seconds=-60)
        cx.notices.verify_notice(support, bytes(notice))
        clock.advance(seconds=-1)

        with refuses(IssuedInFutureError, "issued_in_future"):
            cx.notices.verify_notice(support, bytes(notice))

    def test_it_may_be_on_its_way_for_weeks(self, notice, support, clock):
        """
        A notice does not expire while its key verifies.
        """
        clock.advance(days=60)

        assert notice == cx.notices.verify_notice(support, bytes(notice))

    def test_its_algorithm_is_its_keys(self, notice, support):
        """
        An algorithm that is not the key's is refused.
        """
        wire = unpack(notice)
        made = header(wire)
        made[1] = -9
        wire[0] = canonical(made)

        with refuses(WrongAlgorithmError, "wrong_algorithm"):
            cx.notices.verify_notice(support, pack(wire))


CHANGES = {
    "no claims": lambda made: made.update({CLAIMS: []}),
    "a claim more": lambda made: made[CLAIMS].update({4: START_S}),
    "an audience of bytes": lambda made: made[CLAIMS].update({3: b"support"}),
    "an empty audience": lambda made: made[CLAIMS].update({3: ""}),
    "a long audience": lambda made: made[CLAIMS].update({3: "x" * 65}),
    "a text as id": lambda made: made[CLAIMS].update({7: "x" * 16}),
    "a short id": lambda made: made[CLAIMS].update({7: bytes(15)}),
    "no array": lambda made: made[CLAIMS].update({-65537: {}}),
    "a member more": lambda made: made[CLAIMS][-65537].append(0),
    "an instant of text": lambda made: made[CLAIMS].update({6: "now"}),
}


class TestShape:
    """
    What is not of the shape is refused before any key is looked at.
    """

    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_other_claims_are_malformed(self, notice, support, change):
        """
        Just these claims, of just these types.
        """
        wire = unpack(notice)
        made = header(wire)
        change(made)
        wire[0] = canonical(made)

        with refuses(MalformedError, "malformed"):
            cx.notices.verify_notice(support, pack(wire))

    @pytest.mark.parametrize(
        ("private", "verify"),
        [
            ([b"short", START_S], cx.notices.verify_notice),
            ([JOURNEY, START_S], cx.notices.verify_notice),
            ([bytes(16), "now"], cx.notices.verify_notice),
            ([b"short"], cx.notices.verify_receipt),
        ],
    )
    def test_ids_and_instants_are_of_the_shape_too(
        self, notice, support, private, verify
    ):
        """
        What is private in it is looked at before any key, like the rest.
        """
        wire = unpack(notice)
        made = header(wire)
        made[CLAIMS][-65537] = private
        made[4] = bytes(8)
        wire[0] = canonical(made)

        with refuses(MalformedError, "malformed"):
            verify(support, pack(wire))

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda wire: wire.append(0),
            lambda wire: wire.__setitem__(0, "text"),
            lambda wire: wire.__setitem__(1, {1: 2}),
            lambda wire: wire.__setitem__(2, b""),
            lambda wire: wire.__setitem__(3, "text"),
            lambda wire: wire.__setitem__(3, bytes(63)),
        ],
    )
    def test_another_cose_sign1_is_malformed(self, notice, support, spoil):
        """
        Four elements, of which two are fixed.
        """
        wire = unpack(notice)
        spoil(wire)

        with refuses(MalformedError, "malformed"):
            cx.notices.verify_notice(support, pack(wire))

    @pytest.mark.parametrize("raw", ["text", None, pack({}), pack([])])
    def test_what_is_something_else_is_malformed(self, support, raw):
        """
        Neither text nor another structure is a notice.
        """
        with refuses(MalformedError, "malformed"):
            cx.notices.verify_receipt(support, raw)

    def test_it_is_bounded(self, support):
        """
        More bytes than a header and a signature are not parsed.
        """
        with refuses(TooLargeError, "too_large"):
            cx.notices.verify_notice(support, bytes(10_000))

    def test_bytes_behind_it_are_refused(self, notice, support):
        """
        There is one encoding of it.
        """
        with refuses(NotCanonicalError, "not_canonical"):
            cx.notices.verify_notice(support, bytes(notice) + b"\0")

    def test_no_bit_of_it_can_be_changed(self, notice, support):
        """
        Every single changed bit is refused, and with an error of ours.
        """
        raw = bytes(notice)
        for bit in range(len(raw) * 8):
            with pytest.raises(VerificationError):
                cx.notices.verify_notice(support, flip(raw, bit))


@given(st.binary(max_size=400))
def test_hostile_bytes_only_ever_raise_ours(forge_once, raw):
    """
    Whatever comes instead of a notice is refused with an error of ours.
    """
    support = World(forge_once.ring, lambda: START)["support"]
    for verify in (cx.notices.verify_notice, cx.notices.verify_receipt):
        with pytest.raises(VerificationError):
            verify(support, raw)


class TestReceipt:
    """
    From whoever has forgotten to whoever erased.
    """

    def test_it_is_read_as_it_was_signed(self, notice, support, sales):
        """
        The sender of the notice reads exactly what the receiver has signed.
        """
        receipt = cx.notices.sign_receipt(support, notice)

        assert receipt == cx.notices.verify_receipt(sales, bytes(receipt))
        assert (notice.id, JOURNEY, "support", "sales", START) == (
            receipt.notice_id,
            receipt.journey_id,
            receipt.by,
            receipt.to,
            receipt.at,
        )

    def test_a_partner_signs_one(self, sales, world):
        """
        Partners answer what they were told.
        """
        notice = noticed(sales, to="carrier")
        receipt = cx.notices.sign_receipt(world["carrier"], notice)

        assert "carrier" == cx.notices.verify_receipt(sales, bytes(receipt)).by

    def test_nobody_signs_anothers(self, notice, billing):
        """
        Only the department that a notice is for has forgotten because of it.
        """
        with pytest.raises(UsageError, match="is for support"):
            cx.notices.sign_receipt(billing, notice)

    def test_a_notice_is_no_receipt(self, notice, support, sales):
        """
        What asks does not answer, nor the other way round.
        """
        receipt = cx.notices.sign_receipt(support, notice)

        with pytest.raises(VerificationError):
            cx.notices.verify_receipt(support, bytes(notice))
        with pytest.raises(VerificationError):
            cx.notices.verify_notice(sales, bytes(receipt))

    def test_both_show_their_ids_and_not_their_bytes(self, notice, support):
        """
        In logs they are told apart by ids, and a signature is no use there.
        """
        receipt = cx.notices.sign_receipt(support, notice)

        assert notice.id in repr(notice)
        assert notice.id in repr(receipt)
        assert "bytes" not in repr(notice) + repr(receipt)
