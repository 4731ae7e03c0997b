"""
Keys as JWKs: strict reading, every known member checked, and back.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.core import base64url, jwk, key_json
from cxcontext.core.department_keys import SigningKeyEntry
from cxcontext.core.sealing import OpeningKey, SealingKey
from cxcontext.core.signing import ED25519, ESP256, LocalSigner
from cxcontext.errors import KeySetError

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
GONE = datetime(2026, 7, 1, tzinfo=UTC)
ALGORITHMS = pytest.mark.parametrize("algorithm", [ED25519, ESP256])
SUITES = pytest.mark.parametrize("private_length", [32, 96])


def signer_of(algorithm: int, seed: int = 1) -> LocalSigner:
    """
    Return the signer whose private bytes are the hash of *seed*.
    """
    data = hashlib.sha256(seed.to_bytes(8)).digest()
    return LocalSigner.from_private_bytes(algorithm, data)


def entry_of(algorithm: int, revoked_at: datetime | None = None) -> SigningKeyEntry:
    """
    Return the entry of a signer's public half.
    """
    return SigningKeyEntry(
        department="sales",
        external=False,
        key=signer_of(algorithm).verifying_key,
        not_before=START,
        sign_until=END,
        verify_until=GONE,
        revoked_at=revoked_at,
    )


def opening_key_of(private_length: int, seed: int = 1) -> OpeningKey:
    """
    Return the private scope key whose bytes are the hash of *seed*.
    """
    return OpeningKey.from_private_bytes(
        hashlib.shake_256(seed.to_bytes(8)).digest(private_length),
        scope=3,
        generation=2,
        open_until=GONE,
    )


def sealing_key_of(private_length: int) -> SealingKey:
    """
    Return the public half of the same.
    """
    opening = opening_key_of(private_length)
    return SealingKey(
        scope=3,
        generation=2,
        seal_until=END,
        open_until=GONE,
        suite=opening.suite,
        public_bytes=opening.public_bytes,
    )


def read_entry(document: jwk.JWK) -> SigningKeyEntry:
    """
    Return the entry that *document* is for sales.
    """
    return jwk.signing_entry(document, department="sales", external=False)


@ALGORITHMS
class TestSigningKeys:
    """
    JWKs of Ed25519 and P-256 keys.
    """

    @pytest.mark.parametrize("revoked_at", [None, END])
    def test_an_entry_comes_back(self, algorithm, revoked_at):
        """
        An entry is equal to the one read from its JWK.
        """
        entry = entry_of(algorithm, revoked_at)

        assert entry == read_entry(jwk.signing_entry_jwk(entry))

    def test_a_signer_comes_back(self, algorithm):
        """
        A private key is equal to the one read from its JWK.
        """
        signer = signer_of(algorithm)

        assert signer == jwk.local_signer(jwk.local_signer_jwk(signer))

    def test_a_public_jwk_has_no_private_member(self, algorithm):
        """
        What is published has none of the private members of any key type.
        """
        document = jwk.signing_entry_jwk(entry_of(algorithm))

        assert set() == set(jwk.PRIVATE_MEMBERS) & document.keys()

    @pytest.mark.parametrize("name", jwk.PRIVATE_MEMBERS)
    def test_a_private_member_in_a_public_jwk_is_refused(self, algorithm, name):
        """
        A public key with a private member, even an empty one, is refused.
        """
        document = jwk.signing_entry_jwk(entry_of(algorithm)) | {name: None}

        with pytest.raises(KeySetError, match=f"private member {name}"):
            read_entry(document)

    def test_a_wrong_thumbprint_is_refused(self, algorithm):
        """
        A kid that is another key's is refused: it cannot be claimed.
        """
        other = signer_of(algorithm, 2)
        document = jwk.signing_entry_jwk(entry_of(algorithm))
        document["kid"] = base64url.encode(other.key_id)

        with pytest.raises(KeySetError, match="thumbprint"):
            read_entry(document)

    def test_the_halves_of_two_keys_are_refused(self, algorithm):
        """
        A private half under another key's public half is refused.
        """
        mine = jwk.local_signer_jwk(signer_of(algorithm, 1))
        other = jwk.local_signer_jwk(signer_of(algorithm, 2))

        with pytest.raises(KeySetError, match="public half"):
            jwk.local_signer(mine | {"d": other["d"]})

    @pytest.mark.parametrize("name", ["kty", "crv", "alg", "use", "kid", "x"])
    @pytest.mark.parametrize("value", [None, 1, "", "other", ["x"]])
    def test_every_text_member_is_checked(self, algorithm, name, value):
        """
        A known member of another type or value is refused.
        """
        document = jwk.signing_entry_jwk(entry_of(algorithm)) | {name: value}

        with pytest.raises(KeySetError):
            read_entry(document)

    @pytest.mark.parametrize(
        "name", ["not_before", "sign_until", "verify_until", "revoked"]
    )
    @pytest.mark.parametrize("value", [None, "1", 1.0, True, -1, 253_402_300_800])
    def test_every_instant_is_checked(self, algorithm, name, value):
        """
        An instant that is not an integer of the years 1970 to 9999 is refused.
        """
        document = jwk.signing_entry_jwk(entry_of(algorithm)) | {name: value}

        with pytest.raises(KeySetError, match=name):
            read_entry(document)

    @pytest.mark.parametrize("name", ["not_before", "revoked"])
    def test_instants_of_a_private_jwk_are_checked_too(self, algorithm, name):
        """
        A private key may have windows, which do not count but have their type.
        """
        document = jwk.local_signer_jwk(signer_of(algorithm))

        with pytest.raises(KeySetError, match=name):
            jwk.local_signer(document | {name: "now"})

        assert signer_of(algorithm) == jwk.local_signer(document | {name: 1})

    @pytest.mark.parametrize(
        ("name", "earlier"), [("sign_until", START), ("verify_until", END)]
    )
    def test_windows_out_of_order_are_refused(self, algorithm, name, earlier):
        """
        Not before <= sign until <= verify until holds for every key.
        """
        document = jwk.signing_entry_jwk(entry_of(algorithm))
        document[name] = int(earlier.timestamp()) - 1

        with pytest.raises(KeySetError, match="in order"):
            read_entry(document)

    def test_unknown_members_are_ignored(self, algorithm):
        """
        A member that RFC 7517 or others define later changes nothing.
        """
        document = jwk.signing_entry_jwk(entry_of(algorithm))

        assert entry_of(algorithm) == read_entry(document | {"x5t": 1, "key_ops": {}})

    @pytest.mark.parametrize("change", ["=", "==", "\n", " ", "*", "+", "é", "AA"])
    def test_lax_base64url_is_refused(self, algorithm, change):
        """
        Padding, white space and other alphabets are not skipped.
        """
        document = jwk.signing_entry_jwk(entry_of(algorithm))
        document["x"] += change

        with pytest.raises(KeySetError, match="x is not base64url"):
            read_entry(document)

    def test_unused_bits_are_zero(self, algorithm):
        """
        A second spelling of the same 32 bytes is refused.
        """
        document = jwk.signing_entry_jwk(entry_of(algorithm))
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        last = alphabet.index(document["x"][-1])
        document["x"] = document["x"][:-1] + alphabet[last + 1]

        with pytest.raises(KeySetError, match="x is not base64url"):
            read_entry(document)


def test_an_rsa_key_is_refused():
    """
    A key type that signs nothing here is refused by its name.
    """
    document = jwk.signing_entry_jwk(entry_of(ED25519)) | {"kty": "RSA"}

    with pytest.raises(KeySetError, match="neither OKP nor EC"):
        read_entry(document)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "ESP256", "none"])
def test_the_algorithm_is_fully_specified_and_that_of_the_key(alg):
    """
    The polymorphic names that RFC 9864 deprecates, and other keys', are refused.
    """
    document = jwk.signing_entry_jwk(entry_of(ED25519)) | {"alg": alg}

    with pytest.raises(KeySetError, match="alg is not Ed25519"):
        read_entry(document)


@pytest.mark.parametrize("name", ["x", "y"])
def test_a_short_coordinate_is_refused(name):
    """
    Coordinates keep their leading zeros (RFC 7518, section 6.2.1.2).
    """
    document = jwk.signing_entry_jwk(entry_of(ESP256)) | {name: "AQ"}

    with pytest.raises(KeySetError, match="32 bytes each"):
        read_entry(document)


@SUITES
class TestScopeKeys:
    """
    JWKs of X25519 and hybrid keys.
    """

    def test_a_public_key_comes_back(self, private_length):
        """
        A public scope key is equal to the one read from its JWK.
        """
        key = sealing_key_of(private_length)

        assert key == jwk.sealing_key(jwk.sealing_key_jwk(key))

    def test_a_private_key_comes_back(self, private_length):
        """
        A private scope key is equal to the one read from its JWK.
        """
        key = opening_key_of(private_length)

        assert key == jwk.opening_key(jwk.opening_key_jwk(key))

    def test_a_private_jwk_is_refused_as_a_public_one(self, private_length):
        """
        A private scope key in the public set is refused, not stripped.
        """
        document = jwk.opening_key_jwk(opening_key_of(private_length))

        with pytest.raises(KeySetError, match="private member"):
            jwk.sealing_key(document | {"seal_until": 0})

    def test_the_halves_of_two_keys_are_refused(self, private_length):
        """
        A private half under another key's public half is refused.
        """
        mine = jwk.opening_key_jwk(opening_key_of(private_length, 1))
        other = jwk.opening_key_jwk(opening_key_of(private_length, 2))
        name = "d" if private_length == 32 else "priv"

        with pytest.raises(KeySetError, match="public half"):
            jwk.opening_key(mine | {name: other[name]})

    @pytest.mark.parametrize(
        "name", ["scope", "generation", "seal_until", "open_until"]
    )
    @pytest.mark.parametrize("value", [None, "1", 1.0, True, -1, 2**53 + 1])
    def test_every_integer_is_checked(self, private_length, name, value):
        """
        A member that is not an integer within bounds is refused in both halves.
        """
        public = jwk.sealing_key_jwk(sealing_key_of(private_length))
        private = jwk.opening_key_jwk(opening_key_of(private_length))

        with pytest.raises(KeySetError, match=name):
            jwk.sealing_key(public | {name: value})
        with pytest.raises(KeySetError, match=name):
            jwk.opening_key(private | {name: value})

    @pytest.mark.parametrize("name", ["kty", "use"])
    @pytest.mark.parametrize("value", [None, 1, "", "other"])
    def test_every_text_member_is_checked(self, private_length, name, value):
        """
        A known member of another type or value is refused.
        """
        document = jwk.sealing_key_jwk(sealing_key_of(private_length))

        with pytest.raises(KeySetError, match=name):
            jwk.sealing_key(document | {name: value})


def test_each_suite_has_its_members():
    """
    X25519 is an OKP by its curve; the hybrid is an AKP by its algorithm.
    """
    x25519 = jwk.sealing_key_jwk(sealing_key_of(32))
    hybrid = jwk.sealing_key_jwk(sealing_key_of(96))

    assert ("OKP", "X25519") == (x25519["kty"], x25519["crv"])
    assert ("AKP", "MLKEM768-X25519") == (hybrid["kty"], hybrid["alg"])
    assert 1216 == len(base64url.decode(hybrid["pub"]))


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "kty",
                "crv",
                "alg",
                "use",
                "kid",
                "x",
                "y",
                "pub",
                "d",
                "scope",
                "revoked",
            ]
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=44)
        | st.sampled_from(["OKP", "EC", "AKP", "Ed25519", "sig", "enc", "X25519"]),
    )
)
@pytest.mark.parametrize(
    "read", [read_entry, jwk.local_signer, jwk.sealing_key, jwk.opening_key]
)
def test_arbitrary_members_raise_only_key_set_errors(read, members):
    """
    No combination of members makes a reader raise another error.
    """
    with pytest.raises(KeySetError):
        read(members)


class TestJson:
    """
    The JSON around the JWKs, and the bombs in it.
    """

    def test_duplicate_members_are_refused(self):
        """
        Two members of one name are refused at any depth: which one counts is open.
        """
        with pytest.raises(KeySetError, match="two members of one name"):
            key_json.parse('{"a": [{"kid": 1, "kid": 1}]}')

    @pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
    def test_deep_nesting_is_refused_before_parsing(self, opening):
        """
        A megabyte of brackets is refused without recursion.
        """
        text = opening * (key_json.MAX_BYTES // len(opening))

        with pytest.raises(KeySetError, match="nested more than 16 deep"):
            key_json.parse(text)

    def test_brackets_in_strings_do_not_nest(self):
        """
        Only brackets outside of strings count, escaped quotes or not.
        """
        text = '{"a": "\\"' + "[" * 50 + '\\\\", "b": [[]], "c": [[]]}'

        assert '"' + "[" * 50 + "\\" == key_json.parse(text)["a"]

    @pytest.mark.parametrize("digits", ["9" * 5000, "-" + "9" * 5000, str(2**53 + 1)])
    def test_huge_integers_are_refused(self, digits):
        """
        An integer beyond 2**53 is refused, also where nobody reads it.
        """
        with pytest.raises(KeySetError, match="beyond 2"):
            key_json.parse('{"unknown": ' + digits + "}")

    def test_integers_up_to_the_limit_are_read(self):
        """
        2**53 itself, and its negative, are read.
        """
        assert {"a": 2**53, "b": -(2**53)} == key_json.parse(
            f'{{"a": {2**53}, "b": -{2**53}}}'
        )

    @pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
    def test_what_is_not_json_is_refused(self, constant):
        """
        Constants that Python reads and RFC 8259 does not know are refused.
        """
        with pytest.raises(KeySetError, match="is not JSON"):
            key_json.parse('{"a": ' + constant + "}")

    @pytest.mark.parametrize(
        "text", ["", "null", "[]", '"a"', "1", "{", "{}{}", "\ufeff{}", "]", "{'a':1}"]
    )
    def test_what_is_not_an_object_is_refused(self, text):
        """
        Anything but exactly one JSON object is refused.
        """
        with pytest.raises(KeySetError, match="not a JSON object"):
            key_json.parse(text)

    @pytest.mark.parametrize("data", [b"\xff", "{}".encode("utf-16"), b'{"\xc3"'])
    def test_other_encodings_than_utf_8_are_refused(self, data):
        """
        Bytes are UTF-8, and no other encoding is guessed.
        """
        with pytest.raises(KeySetError, match=r"UTF-8|JSON object"):
            key_json.parse(data)

    @pytest.mark.parametrize("blank", [" ", b" "])
    def test_more_than_a_mebibyte_is_refused(self, blank):
        """
        One byte over the limit is refused, however blank; the limit itself is not.
        """
        braces = "{}" if isinstance(blank, str) else b"{}"
        text = braces + blank * (key_json.MAX_BYTES - 2)

        assert {} == key_json.parse(text)
        with pytest.raises(KeySetError, match="nothing was parsed"):
            key_json.parse(text + blank)

    @pytest.mark.parametrize("text", ['{"d": "secret', b'{"d": "secret\xff"}'])
    def test_the_error_does_not_carry_the_text_along(self, text):
        """
        Neither the error nor one behind it holds what was in the file.
        """
        with pytest.raises(KeySetError) as ei:
            key_json.parse(text)

        assert (None, None) == (ei.value.__cause__, ei.value.__context__)
        assert "secret" not in str(ei.value)

    def test_more_than_4096_keys_in_a_list_are_refused(self):
        """
        A list of more keys than the limit is refused before one is read.
        """
        with pytest.raises(KeySetError, match="more than 4096 keys"):
            key_json.each({"keys": [{}] * 4097}, "keys", jwk.local_signer)

    @pytest.mark.parametrize("value", [None, {}, "x"])
    def test_what_is_not_a_list_is_refused(self, value):
        """
        Keys are in a list.
        """
        with pytest.raises(KeySetError, match="keys is missing or not a list"):
            key_json.each({"keys": value}, "keys", jwk.local_signer)

    def test_the_error_says_which_key_it_was(self):
        """
        The message of a bad key in a list has its place in the list.
        """
        with pytest.raises(KeySetError, match=r"keys\[1\]: not a JSON object"):
            key_json.each({"keys": [{}, 7]}, "keys", lambda members: members)


@given(st.binary(max_size=100))
def test_base64url_comes_back(data):
    """
    Bytes are equal to what their text decodes to.
    """
    assert data == base64url.decode(base64url.encode(data))


@given(st.text(alphabet="AQgw-_+/= \n", max_size=12))
def test_base64url_has_one_text_per_bytes(text):
    """
    What decodes is what encoding its bytes gives; all else is refused.
    """
    try:
        data = base64url.decode(text)
    except ValueError:
        return

    assert text == base64url.encode(data)
