"""
Signing keys: what verifies, what is refused, and what is never shown.
"""

from __future__ import annotations

import copy
import hashlib
import pickle

import attrs
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.core.signing import (
    _SMALL_ORDER_Y,
    ED25519,
    ESP256,
    P256_ORDER,
    LocalSigner,
    VerifyingKey,
)
from cxcontext.errors import KeySetError, NotPicklableError, UsageError
from cxcontext.typing import Signer

PRIME = 2**255 - 19
ALGORITHMS = pytest.mark.parametrize("algorithm", [ED25519, ESP256])


def signer_of(algorithm: int, seed: int = 1) -> LocalSigner:
    """
    Return the signer whose private bytes are the hash of *seed*.
    """
    data = hashlib.sha256(seed.to_bytes(8)).digest()
    return LocalSigner.from_private_bytes(algorithm, data)


@ALGORITHMS
class TestBothAlgorithms:
    """
    What holds for Ed25519 and ESP256 alike.
    """

    def test_what_the_private_half_signs_the_public_half_verifies(self, algorithm):
        """
        A signature verifies under the public half of the key that made it.
        """
        signer = signer_of(algorithm)

        assert None is signer.verifying_key.verify(signer.sign(b"data"), b"data")

    def test_a_signature_over_other_data_is_refused(self, algorithm):
        """
        A signature does not verify over data that was changed.
        """
        signer = signer_of(algorithm)

        with pytest.raises(InvalidSignature):
            signer.verifying_key.verify(signer.sign(b"data"), b"Data")

    def test_a_signature_of_another_key_is_refused(self, algorithm):
        """
        A signature does not verify under another key of the same algorithm.
        """
        signature = signer_of(algorithm, 2).sign(b"data")

        with pytest.raises(InvalidSignature):
            signer_of(algorithm, 1).verifying_key.verify(signature, b"data")

    @given(signature=st.binary(max_size=80))
    def test_arbitrary_bytes_are_no_signature(self, algorithm, signature):
        """
        Bytes of any length raise InvalidSignature and nothing else.
        """
        key = signer_of(algorithm).verifying_key

        with pytest.raises(InvalidSignature):
            key.verify(signature, b"data")

    def test_signing_is_deterministic(self, algorithm):
        """
        The same key signs the same data in the same way, without randomness.
        """
        assert signer_of(algorithm).sign(b"data") == signer_of(algorithm).sign(b"data")

    def test_private_bytes_come_back(self, algorithm):
        """
        A signer is equal to the one made of its private bytes.
        """
        signer = signer_of(algorithm)

        again = LocalSigner.from_private_bytes(algorithm, signer.private_bytes())

        assert (signer, signer.sign(b"x")) == (again, again.sign(b"x"))

    def test_a_local_signer_is_a_signer(self, algorithm):
        """
        LocalSigner has what the Signer protocol asks for.
        """
        signer = signer_of(algorithm)

        assert isinstance(signer, Signer)
        assert (algorithm, 8) == (signer.algorithm, len(signer.key_id))

    @pytest.mark.parametrize("length", [0, 31, 33, 64])
    def test_a_private_key_of_another_length_is_refused(self, algorithm, length):
        """
        A private signing key is 32 bytes long.
        """
        with pytest.raises(KeySetError, match="not 32 bytes"):
            LocalSigner.from_private_bytes(algorithm, bytes(length))

    @pytest.mark.parametrize("length", [0, 31, 33, 63, 65])
    def test_a_public_key_of_another_length_is_refused(self, algorithm, length):
        """
        A public signing key has the length of its algorithm.
        """
        with pytest.raises(KeySetError, match="length"):
            VerifyingKey(algorithm=algorithm, public_bytes=b"\x09" * length)

    def test_a_signer_is_not_pickled(self, algorithm):
        """
        Pickling a signer raises, and says what to do instead.
        """
        with pytest.raises(NotPicklableError, match="load the private key file"):
            pickle.dumps(signer_of(algorithm))

    def test_a_public_key_is_not_pickled_either(self, algorithm):
        """
        Pickling a public key raises our error and not that of cryptography.
        """
        with pytest.raises(NotPicklableError, match="JSON"):
            pickle.dumps(signer_of(algorithm).verifying_key)

    def test_a_copy_is_the_signer_itself(self, algorithm):
        """
        Copying a frozen signer does not duplicate its key in memory.
        """
        signer = signer_of(algorithm)

        assert signer is copy.copy(signer)
        assert signer is copy.deepcopy(signer)

    def test_no_key_is_shown(self, algorithm):
        """
        The repr of a signer has its key id, and nothing of its private half.
        """
        signer = signer_of(algorithm)

        shown = f"{signer!r} {signer}"

        assert signer.key_id.hex() in shown
        assert signer.private_bytes().hex() not in shown
        assert repr(signer.private_bytes()) not in shown

    def test_a_signer_does_not_change(self, algorithm):
        """
        No attribute of a signer can be set.
        """
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            signer_of(algorithm).verifying_key = None


class TestEd25519:
    """
    The attacks on Ed25519 keys, and the published vectors.
    """

    def test_rfc_8032_vector_1(self):
        """
        The empty message of RFC 8032, section 7.1, test 1 signs as printed there.
        """
        private = bytes.fromhex(
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
        )
        signer = LocalSigner.from_private_bytes(ED25519, private)

        assert (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ) == signer.sign(b"").hex()

    def test_rfc_8037_thumbprint(self):
        """
        The key id begins the thumbprint that RFC 8037, appendix A.3 prints.
        """
        public = bytes.fromhex(
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        )

        key = VerifyingKey(algorithm=ED25519, public_bytes=public)

        # kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
        assert "90facafea9b15566" == key.key_id.hex()

    @pytest.mark.parametrize("sign_bit", [0, 1])
    @pytest.mark.parametrize(
        "y",
        [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ],
    )
    def test_small_order_keys_are_refused(self, y, sign_bit):
        """
        Each entry of libsodium's blacklist is refused, with either sign bit.
        """
        encoded = bytearray.fromhex(y)
        encoded[31] |= sign_bit << 7

        with pytest.raises(KeySetError, match=r"order|canonical"):
            VerifyingKey(algorithm=ED25519, public_bytes=bytes(encoded))

    def test_the_points_of_order_8_solve_their_equation(self):
        """
        The two y of order 8 are those that d y^4 + 2 y^2 = 1 has on the curve.
        """
        d = -121665 * pow(121666, -1, PRIME) % PRIME
        order_8 = {
            y
            for y in _SMALL_ORDER_Y
            if (d * pow(y, 4, PRIME) + 2 * pow(y, 2, PRIME)) % PRIME == 1
        }

        assert _SMALL_ORDER_Y - {0, 1, PRIME - 1} == order_8
        assert 5 == len(_SMALL_ORDER_Y)

    def test_the_attack_that_small_order_keys_allow(self):
        """
        Under the neutral point one signature fits every message: hence the refusal.
        """
        neutral = (1).to_bytes(32, "little")

        key = Ed25519PublicKey.from_public_bytes(neutral)

        assert None is key.verify(neutral + bytes(32), b"anything")
        assert None is key.verify(neutral + bytes(32), b"anything else")

    @pytest.mark.parametrize("above", range(19))
    def test_keys_that_are_not_canonical_are_refused(self, above):
        """
        A y that is not below the field's prime is refused (RFC 8032, 5.1.3).
        """
        encoded = (PRIME + above).to_bytes(32, "little")

        with pytest.raises(KeySetError, match="canonical"):
            VerifyingKey(algorithm=ED25519, public_bytes=encoded)

    def test_the_key_id_does_not_hide_another_key(self):
        """
        Two keys are equal by all their bytes and not by their short key id.
        """
        one, two = signer_of(ED25519, 1), signer_of(ED25519, 2)

        assert one.verifying_key != two.verifying_key
        assert one.verifying_key == signer_of(ED25519, 1).verifying_key


class TestESP256:
    """
    The attacks on ECDSA signatures and P-256 keys, and the published vectors.
    """

    def test_rfc_6979_vector(self):
        """
        "sample" signs as RFC 6979, A.2.5 prints, but for the low s.
        """
        private = bytes.fromhex(
            "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
        )
        high_s = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8
        r = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"

        signature = LocalSigner.from_private_bytes(ESP256, private).sign(b"sample")

        assert r == signature[:32].hex()
        assert P256_ORDER - high_s == int.from_bytes(signature[32:])

    @given(data=st.binary(max_size=64))
    def test_s_is_always_low(self, data):
        """
        No message is signed with an s above half the group's order.
        """
        signature = signer_of(ESP256).sign(data)

        assert int.from_bytes(signature[32:]) <= P256_ORDER // 2

    def test_a_high_s_is_refused(self):
        """
        The other form of a genuine signature, n - s, does not verify.
        """
        signer = signer_of(ESP256)
        signature = signer.sign(b"data")
        high_s = P256_ORDER - int.from_bytes(signature[32:])

        with pytest.raises(InvalidSignature):
            signer.verifying_key.verify(signature[:32] + high_s.to_bytes(32), b"data")

    def test_a_der_signature_is_refused(self):
        """
        What a KMS returns as DER is refused: r and s are raw (RFC 9053, 2.1).
        """
        key = derive_private_key(7, SECP256R1())
        der = key.sign(b"data", ECDSA(hashes.SHA256()))

        with pytest.raises(InvalidSignature):
            LocalSigner(key).verifying_key.verify(der, b"data")

    def test_a_raw_signature_made_elsewhere_verifies(self):
        """
        A signature that another implementation made and normalised verifies.
        """
        key = derive_private_key(7, SECP256R1())
        r, s = decode_dss_signature(key.sign(b"data", ECDSA(hashes.SHA256())))
        raw = r.to_bytes(32) + min(s, P256_ORDER - s).to_bytes(32)

        assert None is LocalSigner(key).verifying_key.verify(raw, b"data")

    @pytest.mark.parametrize("r", [0, P256_ORDER, 2**256 - 1])
    @pytest.mark.parametrize("s", [0, 1])
    def test_numbers_out_of_range_are_refused(self, r, s):
        """
        r and s of 0, or r not below the order, do not verify.
        """
        key = signer_of(ESP256).verifying_key

        with pytest.raises(InvalidSignature):
            key.verify(r.to_bytes(32) + s.to_bytes(32), b"data")

    def test_a_point_off_the_curve_is_refused(self):
        """
        x and y that satisfy no equation are no key (the invalid-curve attack).
        """
        with pytest.raises(KeySetError, match="not a point"):
            VerifyingKey(algorithm=ESP256, public_bytes=bytes(31) + b"\1" + bytes(32))

    @pytest.mark.parametrize("number", [0, P256_ORDER, 2**256 - 1])
    def test_a_private_number_out_of_range_is_refused(self, number):
        """
        A private number is 1 to the order less one.
        """
        with pytest.raises(KeySetError, match="order"):
            LocalSigner.from_private_bytes(ESP256, number.to_bytes(32))

    def test_another_curve_is_refused(self):
        """
        A private key on P-384 is the caller's mistake.
        """
        with pytest.raises(UsageError, match="secp384r1 keys do not sign here"):
            LocalSigner(generate_private_key(SECP384R1()))


@pytest.mark.parametrize("algorithm", [0, -7, -8, -35])
class TestOtherAlgorithms:
    """
    What is neither of the two.
    """

    def test_no_public_key_has_it(self, algorithm):
        """
        ES256 (-7), EdDSA (-8) and others do not say enough, and are refused.
        """
        with pytest.raises(KeySetError, match="neither"):
            VerifyingKey(algorithm=algorithm, public_bytes=b"\x09" * 32)

    def test_no_private_key_has_it(self, algorithm):
        """
        A private key of another algorithm is refused likewise.
        """
        with pytest.raises(KeySetError, match="neither"):
            LocalSigner.from_private_bytes(algorithm, b"\x09" * 32)
