"""
Scope keys: only readers open, hostile bytes only ever raise InvalidTag.
"""

from __future__ import annotations

import hashlib
import hmac
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from cxcontext.core.sealing import OpeningKey, SealingKey
from cxcontext.errors import KeySetError, NotPicklableError, UsageError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_SECONDS = int(NOON.timestamp())
PRIME = 2**255 - 19
# RFC 7748, section 6.1; the two of order 8 are those of libsodium's blacklist.
SMALL_ORDER_U = (
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    PRIME - 1,
)
SUITES = pytest.mark.parametrize("private_length", [32, 96])


def opening_key_of(private_length: int, seed: int = 1) -> OpeningKey:
    """
    Return the private key whose bytes are the hash of *seed*.
    """
    return OpeningKey.from_private_bytes(
        hashlib.shake_256(seed.to_bytes(8)).digest(private_length),
        scope=3,
        generation=2,
        open_until=NOON,
    )


def sealing_key_of(opening: OpeningKey) -> SealingKey:
    """
    Return the public half, which seals until a day before the end.
    """
    return SealingKey(
        scope=opening.scope,
        generation=opening.generation,
        seal_until=opening.open_until - timedelta(days=1),
        open_until=opening.open_until,
        suite=opening.suite,
        public_bytes=opening.public_bytes,
    )


OPENING = {length: opening_key_of(length) for length in (32, 96)}
KEM_BYTES = {32: 32, 96: 1120}


@SUITES
class TestBothSuites:
    """
    What holds for X25519 and the hybrid alike.
    """

    def test_what_is_sealed_opens(self, private_length):
        """
        The private key opens what was sealed to the public one with the same info.
        """
        opening = OPENING[private_length]

        sealed = sealing_key_of(opening).seal(b"plain", info=b"info")

        assert b"plain" == opening.open(sealed, info=b"info")

    def test_sealing_is_randomised(self, private_length):
        """
        Equal plaintexts are sealed differently, so that nobody can compare them.
        """
        key = sealing_key_of(OPENING[private_length])

        assert key.seal(b"plain", info=b"") != key.seal(b"plain", info=b"")

    def test_a_section_moved_elsewhere_does_not_open(self, private_length):
        """
        Other info than was sealed with raises: sections cannot be transplanted.
        """
        opening = OPENING[private_length]
        sealed = sealing_key_of(opening).seal(b"plain", info=b"scope 3")

        with pytest.raises(InvalidTag):
            opening.open(sealed, info=b"scope 4")

    def test_another_generations_key_does_not_open(self, private_length):
        """
        A key that the section was not sealed to raises.
        """
        sealed = sealing_key_of(OPENING[private_length]).seal(b"plain", info=b"")

        with pytest.raises(InvalidTag):
            opening_key_of(private_length, seed=2).open(sealed, info=b"")

    @given(sealed=st.binary(max_size=1400))
    def test_arbitrary_bytes_raise_only_invalid_tag(self, private_length, sealed):
        """
        Bytes of any length and content raise InvalidTag and nothing else.
        """
        with pytest.raises(InvalidTag):
            OPENING[private_length].open(sealed, info=b"")

    @settings(max_examples=50)
    @given(data=st.data())
    def test_every_change_and_cut_raises_only_invalid_tag(self, private_length, data):
        """
        A genuine section with a bit flipped, or cut anywhere, raises InvalidTag.
        """
        opening = OPENING[private_length]
        sealed = bytearray(sealing_key_of(opening).seal(b"plain" * 9, info=b""))
        bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
        end = data.draw(st.sampled_from([len(sealed), bit // 8]))
        sealed[bit // 8] ^= 1 << bit % 8

        with pytest.raises(InvalidTag):
            opening.open(bytes(sealed[:end]), info=b"")

    @pytest.mark.parametrize("u", [*SMALL_ORDER_U, PRIME, PRIME + 1, 2**255 - 1])
    def test_a_small_order_share_raises_only_invalid_tag(self, private_length, u):
        """
        A sender's X25519 share that leads to all zeros raises InvalidTag.
        """
        opening = OPENING[private_length]
        kem_bytes = KEM_BYTES[private_length]
        sealed = sealing_key_of(opening).seal(b"plain", info=b"")
        share = u.to_bytes(32, "little")

        with pytest.raises(InvalidTag):
            opening.open(
                sealed[: kem_bytes - 32] + share + sealed[kem_bytes:], info=b""
            )

    @pytest.mark.parametrize("u", SMALL_ORDER_U)
    def test_small_order_keys_are_refused(self, private_length, u):
        """
        A public key whose every exchange is all zeros is refused at load.
        """
        opening = OPENING[private_length]
        public = opening.public_bytes[:-32] + u.to_bytes(32, "little")

        with pytest.raises(KeySetError, match="small order"):
            SealingKey(
                scope=1,
                generation=1,
                seal_until=NOON,
                open_until=NOON,
                suite=opening.suite,
                public_bytes=public,
            )

    @pytest.mark.parametrize("u", [PRIME, PRIME + 9, 2**255 - 1, 2**255, 2**256 - 1])
    def test_keys_that_are_not_canonical_are_refused(self, private_length, u):
        """
        A public key with a second encoding of the same point is refused at load.
        """
        opening = OPENING[private_length]
        public = opening.public_bytes[:-32] + u.to_bytes(32, "little")

        with pytest.raises(KeySetError, match="canonical"):
            SealingKey(
                scope=1,
                generation=1,
                seal_until=NOON,
                open_until=NOON,
                suite=opening.suite,
                public_bytes=public,
            )

    @pytest.mark.parametrize("extra", [-32, -1, 1, 32])
    def test_a_public_key_of_another_length_is_refused(self, private_length, extra):
        """
        A public key has exactly the length of its suite.
        """
        opening = OPENING[private_length]
        public = (opening.public_bytes + bytes(32))[: len(opening.public_bytes) + extra]

        with pytest.raises(KeySetError, match="length"):
            SealingKey(
                scope=1,
                generation=1,
                seal_until=NOON,
                open_until=NOON,
                suite=opening.suite,
                public_bytes=public,
            )

    def test_private_bytes_come_back(self, private_length):
        """
        An opening key is equal to the one made of its private bytes.
        """
        opening = OPENING[private_length]

        again = OpeningKey.from_private_bytes(
            opening.private_bytes(), scope=3, generation=2, open_until=NOON
        )

        assert opening == again

    def test_an_opening_key_is_not_pickled(self, private_length):
        """
        Pickling an opening key raises, and says what to do instead.
        """
        with pytest.raises(NotPicklableError, match="load the private key file"):
            pickle.dumps(OPENING[private_length])

    def test_no_key_is_shown(self, private_length):
        """
        The repr of an opening key has scope and generation, and no key.
        """
        opening = OPENING[private_length]

        shown = repr(opening)

        assert "scope=3, generation=2" in shown
        assert opening.private_bytes().hex() not in shown
        assert "PrivateKey" not in shown

    def test_windows_are_open_at_their_end(self, private_length):
        """
        From seal_until on nobody seals, and from open_until on nobody opens.
        """
        opening = OPENING[private_length]
        sealing = sealing_key_of(opening)
        day = 24 * 3600

        assert [True, False] == [
            sealing.seals_at(NOON_SECONDS - day + s) for s in (-1, 0)
        ]
        assert [True, False] == [opening.opens_at(NOON_SECONDS + s) for s in (-1, 0)]


class TestIndependentReader:
    """
    HPKE written down from the documents, over another implementation's primitives.
    """

    def test_x25519_is_dhkem_of_rfc_9180(self):
        """
        A reader that follows RFC 9180, section 4.1 opens what is sealed to X25519.
        """
        opening = OPENING[32]
        sealed = sealing_key_of(opening).seal(b"plain", info=b"info")
        private = X25519PrivateKey.from_private_bytes(opening.private_bytes())

        share = sealed[:32]
        shared = private.exchange(X25519PublicKey.from_public_bytes(share))
        kem_suite = b"KEM\x00\x20"
        prk = extract(b"", b"eae_prk", shared, kem_suite)
        context = share + opening.public_bytes
        secret = expand(prk, b"shared_secret", context, 32, kem_suite)

        assert b"plain" == hpke_open(0x0020, secret, sealed[32:], b"info")

    def test_the_hybrid_is_x_wing(self):
        """
        A reader that follows X-Wing (HPKE KEM 0x647A) opens what is sealed to it.
        """
        opening = OPENING[96]
        sealed = sealing_key_of(opening).seal(b"plain", info=b"info")
        private = opening.private_bytes()
        mlkem = MLKEM768PrivateKey.from_seed_bytes(private[:64])
        x25519 = X25519PrivateKey.from_private_bytes(private[64:])

        share = sealed[1088:1120]
        secret = hashlib.sha3_256(
            mlkem.decapsulate(sealed[:1088])
            + x25519.exchange(X25519PublicKey.from_public_bytes(share))
            + share
            + opening.public_bytes[1184:]
            + rb"\.//^\ "[:-1]
        ).digest()

        assert b"plain" == hpke_open(0x647A, secret, sealed[1120:], b"info")


def extract(salt: bytes, label: bytes, key: bytes, suite: bytes) -> bytes:
    """
    Return LabeledExtract of RFC 9180, section 4.
    """
    return hmac.digest(salt, b"HPKE-v1" + suite + label + key, "sha256")


def expand(prk: bytes, label: bytes, info: bytes, length: int, suite: bytes) -> bytes:
    """
    Return LabeledExpand of RFC 9180, section 4.
    """
    # One block of HKDF-Expand is enough for every length used here.
    labelled = length.to_bytes(2) + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labelled + b"\x01", "sha256")[:length]


def hpke_open(kem: int, secret: bytes, ciphertext: bytes, info: bytes) -> bytes:
    """
    Return the plaintext of the first message of RFC 9180, section 5.2.
    """
    # RFC 9180, section 5.1: base mode, HKDF-SHA256 (1), AES-128-GCM (1).
    suite = b"HPKE" + kem.to_bytes(2) + b"\x00\x01\x00\x01"
    psk_hash = extract(b"", b"psk_id_hash", b"", suite)
    context = b"\x00" + psk_hash + extract(b"", b"info_hash", info, suite)
    prk = extract(secret, b"secret", b"", suite)
    key = expand(prk, b"key", context, 16, suite)
    nonce = expand(prk, b"base_nonce", context, 12, suite)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def test_a_key_of_no_suite_is_refused():
    """
    P-256 and plain ML-KEM are no suites of scope keys.
    """
    with pytest.raises(KeySetError, match="neither"):
        SealingKey(
            scope=1,
            generation=1,
            seal_until=NOON,
            open_until=NOON,
            suite="P-256",
            public_bytes=bytes(32),
        )


def test_an_mlkem_key_with_coefficients_out_of_range_is_refused():
    """
    An encapsulation key fails the modulus check of FIPS 203, section 7.2.
    """
    public = b"\xff" * 1184 + OPENING[32].public_bytes

    with pytest.raises(KeySetError, match="ML-KEM-768"):
        SealingKey(
            scope=1,
            generation=1,
            seal_until=NOON,
            open_until=NOON,
            suite="MLKEM768-X25519",
            public_bytes=public,
        )


@pytest.mark.parametrize("length", [0, 31, 33, 64, 95, 97])
def test_a_private_key_of_another_length_is_refused(length):
    """
    A private scope key has the length of one of the suites.
    """
    with pytest.raises(KeySetError, match="length"):
        OpeningKey.from_private_bytes(
            bytes(length), scope=1, generation=1, open_until=NOON
        )


def test_a_key_that_seals_longer_than_it_opens_is_refused():
    """
    Nobody seals to a key that is destroyed already.
    """
    with pytest.raises(KeySetError, match="open_until before its seal_until"):
        SealingKey(
            scope=1,
            generation=1,
            seal_until=NOON,
            open_until=NOON - timedelta(seconds=1),
            suite="X25519",
            public_bytes=OPENING[32].public_bytes,
        )


def test_a_public_scope_key_is_not_pickled():
    """
    Pickling a public scope key raises our error and not that of cryptography.
    """
    with pytest.raises(NotPicklableError, match="JSON"):
        pickle.dumps(sealing_key_of(OPENING[32]))


class TestInstants:
    """
    What becomes of the instants that Python code passes.
    """

    def test_a_naive_instant_is_the_callers_mistake(self):
        """
        A naive datetime raises UsageError: whose noon it is nobody knows.
        """
        with pytest.raises(UsageError, match="naive"):
            OpeningKey.from_private_bytes(
                bytes(32),
                scope=1,
                generation=1,
                open_until=datetime(2026, 3, 1),  # noqa: DTZ001  that is the point
            )

    @pytest.mark.parametrize(
        "instant",
        [
            datetime(1969, 12, 31, tzinfo=UTC),
            datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
        ],
    )
    def test_an_instant_that_a_key_file_cannot_say_is_refused(self, instant):
        """
        Before 1970 and after 9999 there is no NumericDate that datetime reads.
        """
        with pytest.raises(UsageError, match="1970 to 9999"):
            OpeningKey.from_private_bytes(
                bytes(32), scope=1, generation=1, open_until=instant
            )

    def test_instants_are_whole_seconds_of_utc(self):
        """
        An instant of another zone with a fraction is shown as it comes back.
        """
        tokyo = timezone(timedelta(hours=9))

        key = OpeningKey.from_private_bytes(
            bytes(32),
            scope=1,
            generation=1,
            open_until=datetime(2026, 3, 1, 21, 0, 0, 999_999, tzinfo=tokyo),
        )

        assert (NOON, UTC) == (key.open_until, key.open_until.tzinfo)
