"""
The public key set and the private keys: what is read, refused, found, shown.
"""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import traceback
from datetime import UTC, datetime, timedelta
from hashlib import shake_256

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.core import base64url, jwk, jws
from cxcontext.core.keygen import KeyRing, generate_keys, generate_signer
from cxcontext.core.keys import DepartmentKeys, KeySet, PrivateKeys, SigningKeyEntry
from cxcontext.core.signing import ED25519, ESP256
from cxcontext.errors import (
    KeyNotYetValidError,
    KeyRetiredError,
    KeyRevokedError,
    KeySetError,
    KeySetRollbackError,
    KeySetUnsignedError,
    MissingKeyError,
    NotPicklableError,
    UsageError,
    WrongAlgorithmError,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
START_SECONDS = int(START.timestamp())
DAY = 24 * 3600


def fixed_random():
    """
    Return a source of bytes that is the same for every ring.
    """
    count = itertools.count()
    return lambda length: shake_256(next(count).to_bytes(8)).digest(length)


def ring_of(**changes: object) -> KeyRing:
    """
    Return a ring of three departments and two scopes, but for *changes*.
    """
    arguments = {
        "domain": "acme.example",
        "departments": {"sales": False, "support": False, "partner": True},
        "readers": {1: ["sales", "support"], 2: ["support"]},
        "suites": {2: "MLKEM768-X25519"},
        "now": START,
        "random": fixed_random(),
    }
    return generate_keys(**(arguments | changes))


RING = ring_of()
KEY_SET = RING.public
SALES = RING.private["sales"]
SUPPORT = RING.private["support"]
DOMAIN_KEY = generate_signer(random=lambda length: b"\x07" * length)
PIN = jws.pin_of(DOMAIN_KEY.verifying_key)


def document_of(key_set: KeySet = KEY_SET) -> dict:
    """
    Return the JSON document of a key set, to be changed.
    """
    return json.loads(key_set.to_json())


def entry_of(department: str = "sales") -> SigningKeyEntry:
    """
    Return the entry of the department's first signing key.
    """
    return KEY_SET.departments[department].keys[0]


def with_keys(*entries: SigningKeyEntry, **changes: object) -> KeySet:
    """
    Return the key set in which sales has these entries.
    """
    sales = DepartmentKeys(name="sales", external=False, keys=entries)
    departments = {**KEY_SET.departments, "sales": sales}
    return attrs.evolve(KEY_SET, departments=departments, **changes)


def refused(document: object, match: str) -> None:
    """
    Return if *document* is refused with a message like *match*.
    """
    with pytest.raises(KeySetError, match=match):
        KeySet.from_json(json.dumps(document))


class TestReading:
    """
    What from_json takes for a key set.
    """

    def test_a_key_set_comes_back(self):
        """
        A key set is equal to the one read from its JSON, text or bytes.
        """
        text = KEY_SET.to_json()

        assert KEY_SET == KeySet.from_json(text)
        assert KEY_SET == KeySet.from_json(text.encode())
        assert text == KeySet.from_json(text).to_json()

    def test_equal_key_sets_have_equal_hashes(self):
        """
        A key set can stand in a set, although its departments are a mapping.
        """
        again = KeySet.from_json(KEY_SET.to_json())

        assert hash(KEY_SET) == hash(again)

    def test_a_key_set_is_loaded_from_a_file(self, tmp_path):
        """
        The file holds what to_json returned.
        """
        path = tmp_path / "acme.keys.json"
        path.write_text(KEY_SET.to_json())

        assert KEY_SET == KeySet.load(path)
        assert KEY_SET == KeySet.load(str(path))

    def test_a_missing_file_is_the_systems_error(self, tmp_path):
        """
        A file that is not there raises what Python raises.
        """
        with pytest.raises(FileNotFoundError):
            KeySet.load(tmp_path / "acme.keys.json")

    def test_a_huge_file_is_not_read_whole(self, tmp_path):
        """
        Of a file over the limit one byte more than the limit is read.
        """
        path = tmp_path / "acme.keys.json"
        with path.open("wb") as file:
            file.truncate(2**34)

        with pytest.raises(KeySetError, match="nothing was parsed"):
            KeySet.load(path)

    def test_unknown_members_are_ignored(self):
        """
        A member that a later release adds does not stop this one.
        """
        document = document_of() | {"comment": [1.5, None]}

        assert KEY_SET == KeySet.from_json(json.dumps(document))

    def test_the_statement_lifetime_is_90_days_unless_given(self):
        """
        The domain's setting is read; without it it is 90 days.
        """
        document = document_of()
        del document["statement_lifetime_seconds"]
        unset = KeySet.from_json(json.dumps(document))
        document["statement_lifetime_seconds"] = DAY
        a_day = KeySet.from_json(json.dumps(document))

        assert timedelta(days=90) == unset.statement_lifetime
        assert timedelta(days=1) == a_day.statement_lifetime

    @pytest.mark.parametrize("value", [None, 0, -1, 1.5, "1", 2**53])
    def test_a_statement_lifetime_that_is_none_is_refused(self, value):
        """
        The statement lifetime is a positive number of seconds.
        """
        refused(document_of() | {"statement_lifetime_seconds": value}, "lifetime")

    @pytest.mark.parametrize(
        "domain", [None, 7, "", "Acme", "a b", "é", "\ud800", "-a", "a" * 256]
    )
    def test_a_domain_that_is_no_name_is_refused(self, domain):
        """
        A domain's name has the characters and the length of a SPIFFE trust domain.
        """
        refused(document_of() | {"domain": domain}, "domain")

    @pytest.mark.parametrize("sequence", [None, -1, 1.0, "1", True, 2**53 + 1])
    def test_a_sequence_that_is_no_number_is_refused(self, sequence):
        """
        The sequence number is an integer of 0 to 2**53.
        """
        refused(document_of() | {"sequence": sequence}, "sequence|beyond")

    @pytest.mark.parametrize("name", ["", "Sales", "a/b", "é", ".a", "a" * 33])
    def test_a_department_that_is_no_name_is_refused(self, name):
        """
        A department's name is 1 to 32 of a-z 0-9 . _ - and begins with none of these.
        """
        document = document_of()
        document["departments"][name] = {"external": False, "keys": []}

        refused(document, "1 to 32 of a-z 0-9")

    @pytest.mark.parametrize("name", ["d", "priv", "k", "keys", "9._-", "a" * 32])
    def test_a_department_may_be_named_like_a_member(self, name):
        """
        Names of members of private keys are names of departments like others.
        """
        document = document_of()
        document["departments"][name] = {"external": True, "keys": []}

        assert KeySet.from_json(json.dumps(document)).departments[name].external

    @pytest.mark.parametrize(
        "department", [None, [], {}, {"external": 1, "keys": []}, {"external": True}]
    )
    def test_a_department_of_another_shape_is_refused(self, department):
        """
        A department says whether it is external, and lists its keys.
        """
        document = document_of()
        document["departments"]["sales"] = department

        refused(document, "sales: ")

    @pytest.mark.parametrize("name", ["departments", "scopes"])
    @pytest.mark.parametrize("value", [None, 1, "x", [[]]])
    def test_departments_and_scopes_are_needed(self, name, value):
        """
        A key set has departments and a list of scope keys, be they empty.
        """
        refused(document_of() | {name: value}, name)

    def test_the_error_says_which_key_it_was(self):
        """
        The message of a bad key has its department and its place.
        """
        document = document_of()
        document["departments"]["sales"]["keys"][0]["kid"] = "AAAAAAAAAAA"

        refused(document, r"sales: keys\[0\]: kid is not")

    def test_a_private_key_in_the_public_set_is_refused(self):
        """
        A private signing key that was published by mistake is refused.
        """
        document = document_of()
        private = json.loads(SALES.to_json())["keys"][0]
        document["departments"]["sales"]["keys"][0]["d"] = private["d"]

        refused(document, "private member d")

    @pytest.mark.parametrize(("index", "name"), [(0, "d"), (1, "priv")])
    def test_a_private_scope_key_in_the_public_set_is_refused(self, index, name):
        """
        A private scope key of either suite that was published is refused.
        """
        document = document_of()
        document["scopes"][index][name] = "AAAA"

        refused(document, f"private member {name}")

    def test_a_private_file_is_no_key_set(self):
        """
        A department's private file passed for the public one is refused.
        """
        with pytest.raises(KeySetError):
            KeySet.from_json(SALES.to_json())

    def test_a_key_of_two_departments_is_refused(self):
        """
        A key id belongs to one department, also within one set.
        """
        document = document_of()
        key = document["departments"]["sales"]["keys"][0]
        document["departments"]["support"]["keys"].append(key)

        refused(document, f"key {entry_of().key.key_id.hex()} is entered twice")

    def test_a_generation_entered_twice_is_refused(self):
        """
        Generations are unique within a scope.
        """
        document = document_of()
        document["scopes"].append(document["scopes"][0])

        refused(document, "generation 1 of scope 1 is entered twice")

    def test_a_scope_key_of_two_scopes_is_refused(self):
        """
        One key for two scopes would give each one's readers the other.
        """
        document = document_of()
        document["scopes"].append(document["scopes"][0] | {"scope": 7})

        refused(document, "two generations")

    def test_a_key_that_stops_verifying_too_early_is_refused(self):
        """
        The last statement that a key signs is verifiable as long as it lives.
        """
        document = document_of()
        document["departments"]["sales"]["keys"][0]["verify_until"] -= 1

        refused(document, "before the last statement expires")

    def test_more_keys_than_the_limit_are_refused(self):
        """
        Signing and scope keys together are at most 4096.
        """
        first = KEY_SET.sealing_keys[0]
        keys = tuple(
            attrs.evolve(
                first,
                generation=number,
                public_bytes=(2**200 + number).to_bytes(32, "little"),
            )
            for number in range(4096 - 2)
        )

        with pytest.raises(KeySetError, match="more than 4096 keys"):
            attrs.evolve(KEY_SET, sealing_keys=keys)

    @pytest.mark.parametrize("bomb", ["[" * 10**6, '{"a":' * 10**5, "9" * 10**6])
    def test_json_bombs_are_refused(self, bomb):
        """
        Deep nesting and huge integers are refused, with a pin and without.
        """
        for pin in (None, PIN):
            with pytest.raises(KeySetError):
                KeySet.from_json('{"domain": ' + bomb, pin=pin)

    @given(text=st.text() | st.binary(), pin=st.none() | st.just(PIN))
    def test_arbitrary_text_raises_only_key_set_errors(self, text, pin):
        """
        No text or bytes make from_json raise anything else.
        """
        with pytest.raises((KeySetError, KeySetUnsignedError)):
            KeySet.from_json(text, pin=pin)

    @given(data=st.data())
    def test_any_change_is_read_or_raises_a_key_set_error(self, data):
        """
        A genuine document with anything in any place raises nothing but KeySetError.
        """
        document = document_of()
        change(document, data)

        try:
            key_set = KeySet.from_json(json.dumps(document))
        except KeySetError:
            return

        assert key_set == KeySet.from_json(key_set.to_json())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)


def change(document: dict, data: st.DataObject) -> None:
    """
    Put anything in place of one value anywhere in *document*.
    """
    place = document
    while True:
        index = data.draw(
            st.sampled_from([*place] if isinstance(place, dict) else range(len(place)))
        )
        deeper = isinstance(place[index], dict | list) and place[index]
        if not deeper or data.draw(st.booleans()):
            place[index] = data.draw(ANYTHING)
            return
        place = place[index]


class TestSigned:
    """
    Key sets signed by a pinned domain key, and swapped ones.
    """

    def test_a_signed_set_is_read_with_its_pin(self):
        """
        A set that the pinned key has signed is read, with the pin and without.
        """
        signed = KEY_SET.sign(DOMAIN_KEY)

        assert KEY_SET == KeySet.from_json(signed, pin=PIN)
        assert KEY_SET == KeySet.from_json(signed)

    def test_a_signed_file_is_loaded_with_its_pin(self, tmp_path):
        """
        load passes the pin on.
        """
        path = tmp_path / "acme.keys.json"
        path.write_text(KEY_SET.to_json())

        with pytest.raises(KeySetUnsignedError):
            KeySet.load(path, pin=PIN)

    def test_the_form_is_flattened_jws(self):
        """
        The header is protected as a whole and names algorithm and type.
        """
        document = json.loads(KEY_SET.sign(DOMAIN_KEY))

        assert {"payload", "protected", "signature"} == document.keys()
        assert b'{"alg":"Ed25519","typ":"cxcontext-key-set+json"}' == base64url.decode(
            document["protected"]
        )

    def test_an_unsigned_set_is_refused_with_a_pin(self):
        """
        Where a pin is set, a set without signature is refused.
        """
        with pytest.raises(KeySetUnsignedError, match="not signed"):
            KeySet.from_json(KEY_SET.to_json(), pin=PIN)

    def test_a_set_signed_by_somebody_else_is_refused(self):
        """
        A swapped set, signed by the key of whoever swapped it, is refused.
        """
        with pytest.raises(KeySetUnsignedError):
            KeySet.from_json(KEY_SET.sign(generate_signer()), pin=PIN)

    def test_a_swapped_payload_is_refused(self):
        """
        The signature of one set does not cover another.
        """
        document = json.loads(KEY_SET.sign(DOMAIN_KEY))
        other = attrs.evolve(KEY_SET, sequence=9).to_json()
        document["payload"] = base64url.encode(other.encode())

        with pytest.raises(KeySetUnsignedError):
            KeySet.from_json(json.dumps(document), pin=PIN)

    @pytest.mark.parametrize(
        "change",
        [
            {"alg": "none"},
            {"alg": "EdDSA"},
            {"alg": "HS256"},
            {"typ": "JWT"},
            {"typ": None},
            {"crit": ["exp"]},
        ],
    )
    def test_another_header_is_refused(self, change):
        """
        Another algorithm or type, or an extension that must be understood, is refused.
        """
        header = {"alg": "Ed25519", "typ": jws.TYPE} | change
        document = json.loads(KEY_SET.sign(DOMAIN_KEY))
        document["protected"] = base64url.encode(json.dumps(header).encode())

        for pin in (None, PIN):
            with pytest.raises(KeySetError, match=next(iter(change)) + "|crit"):
                KeySet.from_json(json.dumps(document), pin=pin)

    @pytest.mark.parametrize(
        "change",
        [
            {"header": {}},
            {"signatures": []},
            {"signature": "="},
            {"protected": 1},
            {"payload": None},
        ],
    )
    def test_another_shape_is_refused(self, change):
        """
        Unprotected headers, several signatures and lax base64url are refused.
        """
        document = json.loads(KEY_SET.sign(DOMAIN_KEY)) | change

        for pin in (None, PIN):
            with pytest.raises(KeySetError):
                KeySet.from_json(json.dumps(document), pin=pin)

    def test_a_set_signed_twice_is_refused(self):
        """
        A signed set inside of a signed set is no key set.
        """
        twice = jws.sign(KEY_SET.sign(DOMAIN_KEY), DOMAIN_KEY)

        for pin in (None, PIN):
            with pytest.raises(KeySetError, match="domain"):
                KeySet.from_json(twice, pin=pin)

    @pytest.mark.parametrize(
        "pin", ["", "AAAA", PIN + "=", PIN[:-1], "é" * 43, base64url.encode(bytes(32))]
    )
    def test_a_pin_that_is_no_key_is_the_callers_mistake(self, pin):
        """
        A pin of another length, lax, or of a small-order key raises UsageError.
        """
        with pytest.raises(UsageError, match="the pin is not a public Ed25519 key"):
            KeySet.from_json(KEY_SET.sign(DOMAIN_KEY), pin=pin)

    def test_a_domain_key_is_ed25519(self):
        """
        Signing a set with another algorithm, or pinning one, is the caller's mistake.
        """
        esp256 = generate_signer(algorithm=ESP256)

        with pytest.raises(UsageError, match="not Ed25519"):
            KEY_SET.sign(esp256)
        with pytest.raises(UsageError, match="not Ed25519"):
            jws.pin_of(esp256.verifying_key)


class TestConstructing:
    """
    What holds for a key set that Python code makes.
    """

    def test_a_department_under_another_name_is_refused(self):
        """
        The name in the mapping is the name in the department.
        """
        departments = {"support": KEY_SET.departments["sales"]}

        with pytest.raises(KeySetError, match="sales is entered as another"):
            attrs.evolve(KEY_SET, departments=departments)

    @pytest.mark.parametrize("change", [{"department": "support"}, {"external": True}])
    def test_a_key_entered_for_another_department_is_refused(self, change):
        """
        An entry says of its department what the department says.
        """
        entry = attrs.evolve(entry_of(), **change)

        with pytest.raises(KeySetError, match="a key of sales is entered for another"):
            DepartmentKeys(name="sales", external=False, keys=(entry,))

    @pytest.mark.parametrize(
        "lifetime", [timedelta(0), timedelta(days=-1), timedelta(seconds=1.5)]
    )
    def test_a_statement_lifetime_is_whole_seconds(self, lifetime):
        """
        A lifetime that the file could not say is refused.
        """
        with pytest.raises(KeySetError, match="whole seconds"):
            attrs.evolve(KEY_SET, statement_lifetime=lifetime)

    def test_departments_do_not_change(self):
        """
        The mapping is read-only, and a copy of the caller's.
        """
        departments = dict(KEY_SET.departments)
        key_set = attrs.evolve(KEY_SET, departments=departments)
        departments.clear()

        with pytest.raises(TypeError):
            key_set.departments["sales"] = None

        assert KEY_SET == key_set

    @pytest.mark.parametrize(
        "value", [KEY_SET, KEY_SET.departments["sales"], entry_of(), SALES, RING]
    )
    def test_keys_are_not_pickled(self, value):
        """
        Pickling any of it raises, with advice.
        """
        with pytest.raises(NotPicklableError, match=f"a {type(value).__name__} is not"):
            pickle.dumps(value)

    def test_a_copy_is_the_key_set_itself(self):
        """
        Copying a frozen key set costs nothing.
        """
        assert KEY_SET is copy.deepcopy(KEY_SET)

    def test_its_repr_has_names_only(self):
        """
        The repr of a key set names the domain and the departments.
        """
        shown = repr(KEY_SET)

        assert "domain='acme.example', sequence=1" in shown
        assert "departments=['sales', 'support', 'partner']" in shown


class TestSigningKeyLookup:
    """
    Whose key it is, and whether what it signed counts.
    """

    def test_a_key_id_leads_to_its_department(self):
        """
        The entry names the department and whether it is external.
        """
        entry = KEY_SET.signing_key(entry_of("partner").key.key_id)

        assert entry is entry_of("partner")
        assert ("partner", True) == (entry.department, entry.external)

    @pytest.mark.parametrize("key_id", [b"", bytes(8), bytes(32)])
    def test_an_unknown_key_id_leads_to_none(self, key_id):
        """
        A key id that is not in the set leads to None.
        """
        assert None is KEY_SET.signing_key(key_id)

    def test_the_window_is_closed_for_signing_and_open_for_reading(self):
        """
        First and last signing instant count; at verify_until nothing does.
        """
        entry = entry_of()
        sign_until = START_SECONDS + 90 * DAY
        verify_until = START_SECONDS + 180 * DAY

        for issued_at in (START_SECONDS, sign_until):
            entry.check(algorithm=ED25519, issued_at=issued_at, now=verify_until - 1)

        for issued_at, now, error in [
            (START_SECONDS - 1, START_SECONDS, KeyNotYetValidError),
            (sign_until + 1, sign_until + 1, KeyRetiredError),
            (START_SECONDS, verify_until, KeyRetiredError),
        ]:
            with pytest.raises(error, match=entry.key.key_id.hex()):
                entry.check(algorithm=ED25519, issued_at=issued_at, now=now)

    def test_a_revoked_key_counts_for_nothing(self):
        """
        What was signed before the revocation does not count either.
        """
        entry = attrs.evolve(entry_of(), revoked_at=START + timedelta(days=9))

        with pytest.raises(KeyRevokedError, match=entry.key.key_id.hex()):
            entry.check(algorithm=ED25519, issued_at=START_SECONDS, now=START_SECONDS)

    def test_another_algorithm_is_refused(self):
        """
        The claimed algorithm is that of the key, or the claim is refused.
        """
        with pytest.raises(WrongAlgorithmError, match=entry_of().key.key_id.hex()):
            entry_of().check(
                algorithm=ESP256, issued_at=START_SECONDS, now=START_SECONDS
            )

    def test_the_order_of_the_errors_is_fixed(self):
        """
        Algorithm comes before revocation, and that before the windows.
        """
        revoked = attrs.evolve(entry_of(), revoked_at=START)

        with pytest.raises(WrongAlgorithmError):
            revoked.check(algorithm=ESP256, issued_at=0, now=2**40)
        with pytest.raises(KeyRevokedError):
            revoked.check(algorithm=ED25519, issued_at=0, now=2**40)
        with pytest.raises(KeyNotYetValidError):
            entry_of().check(algorithm=ED25519, issued_at=0, now=2**40)


class TestSealingKeyLookup:
    """
    Which key a writer seals to.
    """

    def test_writers_seal_to_the_newest_generation(self):
        """
        The highest generation is found, wherever it stands in the file.
        """
        first = KEY_SET.sealing_keys[0]
        newer = sealing_key_like(first, generation=5, days=31)
        middle = sealing_key_like(first, generation=3, days=31)
        key_set = attrs.evolve(KEY_SET, sealing_keys=(first, newer, middle))

        assert newer == key_set.sealing_key(1, now=START_SECONDS)

    def test_a_generation_seals_until_its_last_instant(self):
        """
        At seal_until there is no key to seal to any more.
        """
        seal_until = START_SECONDS + 30 * DAY

        assert 1 == KEY_SET.sealing_key(1, now=seal_until - 1).generation
        assert None is KEY_SET.sealing_key(1, now=seal_until)

    def test_an_older_generation_is_never_sealed_to(self):
        """
        A reader who was removed does not get facts because the new key ended early.
        """
        first = KEY_SET.sealing_keys[0]
        newer = sealing_key_like(first, generation=2, days=1)
        key_set = attrs.evolve(KEY_SET, sealing_keys=(first, newer))

        assert first.seals_at(START_SECONDS + DAY)
        assert None is key_set.sealing_key(1, now=START_SECONDS + DAY)

    def test_an_unknown_scope_has_no_key(self):
        """
        A scope without keys leads to None.
        """
        assert None is KEY_SET.sealing_key(9, now=START_SECONDS)

    def test_a_generation_is_found_whatever_the_time(self):
        """
        The generation that a section names is found by its number.
        """
        assert KEY_SET.sealing_keys[0] is KEY_SET.sealing_generation(1, 1)
        assert None is KEY_SET.sealing_generation(1, 2)


def sealing_key_like(key, *, generation: int, days: int):
    """
    Return another generation of the scope of *key*.
    """
    return attrs.evolve(
        key,
        generation=generation,
        seal_until=START + timedelta(days=days),
        public_bytes=(2**200 + generation).to_bytes(32, "little"),
    )


class TestSuccessor:
    """
    Which key set may take the place of which.
    """

    def test_a_newer_set_may_take_the_place(self):
        """
        The same or a higher sequence number is accepted.
        """
        newer = attrs.evolve(KEY_SET, sequence=2)

        assert None is KEY_SET.check_successor(newer)
        assert None is KEY_SET.check_successor(KEY_SET)

    def test_a_rollback_is_refused(self):
        """
        A set that is older than one already seen is refused.
        """
        newer = attrs.evolve(KEY_SET, sequence=2)

        with pytest.raises(KeySetRollbackError) as ei:
            newer.check_successor(KEY_SET)

        assert (1, 2) == (ei.value.sequence, ei.value.seen)

    def test_another_domains_set_is_refused(self):
        """
        A set of another domain is no newer set of this one.
        """
        with pytest.raises(KeySetError, match="another domain"):
            KEY_SET.check_successor(attrs.evolve(KEY_SET, domain="evil.example"))

    def test_a_moved_key_id_is_refused(self):
        """
        A key that was one department's never becomes another's.
        """
        key_id = entry_of("sales").key.key_id.hex()
        taken = attrs.evolve(entry_of("sales"), department="support")
        support = attrs.evolve(
            KEY_SET.departments["support"],
            keys=(*KEY_SET.departments["support"].keys, taken),
        )
        newer = attrs.evolve(with_keys(), departments={"support": support}, sequence=2)

        with pytest.raises(
            KeySetError, match=f"key {key_id} has moved from sales to support"
        ):
            KEY_SET.check_successor(newer)


class TestPrivateKeys:
    """
    What from_json takes for a department's private keys.
    """

    @pytest.mark.parametrize("private", RING.private.values())
    def test_private_keys_come_back(self, private):
        """
        Private keys are equal to those read from their JSON.
        """
        assert private == PrivateKeys.from_json(private.to_json())
        assert private == PrivateKeys.from_json(private.to_json().encode())

    def test_private_keys_are_loaded_from_a_file(self, tmp_path):
        """
        The file holds what to_json returned.
        """
        path = tmp_path / "sales.keys.json"
        path.write_text(SALES.to_json())

        assert SALES == PrivateKeys.load(path)

    def test_no_key_is_shown(self):
        """
        The repr has the department and key ids, and nothing private.
        """
        shown = f"{SUPPORT!r} {RING!r}"

        assert "department='support'" in shown
        for key in json.loads(SUPPORT.to_json())["keys"]:
            assert key["kid"] not in shown
            assert key["d"] not in shown
        for key in (*SUPPORT.signers, *SUPPORT.opening_keys):
            assert key.private_bytes().hex() not in shown
            assert repr(key.private_bytes()) not in shown

    @pytest.mark.parametrize("place", ["keys", "scopes"])
    def test_an_error_holds_nothing_of_the_file(self, tmp_path, place):
        """
        Neither message, cause nor the locals of a traceback show a private key.
        """
        document = json.loads(SALES.to_json())
        secret = document["keys"][0]["d"]
        document[place][0]["use"] = 7
        path = tmp_path / "sales.keys.json"
        path.write_text(json.dumps(document))
        del document

        with pytest.raises(KeySetError, match=rf"{place}\[0\]: use is") as ei:
            PrivateKeys.load(path)

        frames = traceback.TracebackException.from_exception(
            ei.value, capture_locals=True
        )
        ours = [f for f in frames.stack if f.filename.endswith("private_keys.py")]
        assert 2 == len(ours)
        assert all(secret not in str(frame.locals) for frame in ours)
        assert (None, None) == (ei.value.__cause__, ei.value.__context__)

    @pytest.mark.parametrize("name", ["domain", "department", "keys", "scopes"])
    @pytest.mark.parametrize("value", [None, 1, "\ud800", [1]])
    def test_every_member_is_checked(self, name, value):
        """
        A member of another type is refused.
        """
        document = json.loads(SALES.to_json())

        with pytest.raises(KeySetError):
            PrivateKeys.from_json(json.dumps(document | {name: value}))

    def test_a_key_set_is_no_private_file(self):
        """
        The public file passed for the private one is refused.
        """
        with pytest.raises(KeySetError, match=r"load it with KeySet.load"):
            PrivateKeys.from_json(KEY_SET.to_json())

    def test_a_private_file_is_no_key_set(self):
        """
        The private file passed for the public one is refused, and said to be private.
        """
        with pytest.raises(KeySetError, match="department's PRIVATE keys"):
            KeySet.from_json(SALES.to_json())

    def test_a_public_key_is_no_private_one(self):
        """
        A private file with a key that lacks its private half is refused.
        """
        document = json.loads(SALES.to_json())
        del document["keys"][0]["d"]

        with pytest.raises(KeySetError, match="d is missing"):
            PrivateKeys.from_json(json.dumps(document))

    @pytest.mark.parametrize(
        ("name", "match"), [("keys", "same key id"), ("scopes", "one generation")]
    )
    def test_a_key_entered_twice_is_refused(self, name, match):
        """
        Two signers of one key id, or two keys of one generation, are refused.
        """
        document = json.loads(SALES.to_json())
        document[name] *= 2

        with pytest.raises(KeySetError, match=match):
            PrivateKeys.from_json(json.dumps(document))

    def test_more_keys_than_the_limit_are_refused(self):
        """
        Signers and opening keys together are at most 4096.
        """
        key = SALES.opening_keys[0]
        keys = tuple(attrs.evolve(key, generation=n) for n in range(4096))

        with pytest.raises(KeySetError, match="more than 4096 keys"):
            attrs.evolve(SALES, opening_keys=keys)

    @given(st.text() | st.binary())
    def test_arbitrary_text_raises_only_key_set_errors(self, text):
        """
        No text or bytes make from_json raise anything else.
        """
        with pytest.raises(KeySetError):
            PrivateKeys.from_json(text)

    @given(data=st.data())
    def test_any_change_is_read_or_raises_a_key_set_error(self, data):
        """
        A genuine document with anything in any place raises nothing but KeySetError.
        """
        document = json.loads(SUPPORT.to_json())
        change(document, data)

        try:
            private = PrivateKeys.from_json(json.dumps(document))
        except KeySetError:
            return

        assert private == PrivateKeys.from_json(private.to_json())


class TestOpeningKeyLookup:
    """
    Which key a reader opens with.
    """

    def test_a_reader_finds_its_key(self):
        """
        The key of the scope and generation that a section names is found.
        """
        key = SUPPORT.opening_key(2, 1, now=START_SECONDS)

        assert (2, 1, "MLKEM768-X25519") == (key.scope, key.generation, key.suite)

    def test_others_have_none(self):
        """
        A department that was not given a generation has no key for it.
        """
        assert None is SALES.opening_key(2, 1, now=START_SECONDS)
        assert None is SUPPORT.opening_key(2, 2, now=START_SECONDS)

    def test_a_key_past_its_last_instant_is_not_used(self):
        """
        At open_until the key is not found, although the file still has it.
        """
        open_until = START_SECONDS + 120 * DAY

        assert None is not SALES.opening_key(1, 1, now=open_until - 1)
        assert None is SALES.opening_key(1, 1, now=open_until)

    def test_expired_keys_can_be_destroyed(self):
        """
        What is written back has no key past its last instant.
        """
        open_until = START_SECONDS + 120 * DAY

        assert SALES == SALES.without_expired(now=open_until - 1)
        assert () == SALES.without_expired(now=open_until).opening_keys
        assert SALES.signers == SALES.without_expired(now=open_until).signers


@attrs.frozen(kw_only=True)
class KMSSigner:
    """
    A signer whose private key is elsewhere, as users of the library write one.
    """

    key_id: bytes
    algorithm: int

    def sign(self, data: bytes) -> bytes:
        """
        Ask the service, which no test here does.
        """
        raise NotImplementedError


class TestSignerChoice:
    """
    Which key a department signs with.
    """

    def test_the_departments_signer_is_chosen(self):
        """
        The chosen signer's public half is the department's entry.
        """
        signer = SALES.signer(KEY_SET, now=START_SECONDS)

        assert entry_of("sales").key.key_id == signer.key_id

    def test_the_newest_usable_key_is_chosen(self):
        """
        Among keys that sign now, the one that began last; not one yet to begin.
        """
        signers = [generate_signer() for _ in range(4)]
        entries = [
            attrs.evolve(
                entry_of(),
                key=signer.verifying_key,
                not_before=START + timedelta(days=days),
            )
            for days, signer in zip([0, 2, 1, 5], signers, strict=True)
        ]
        private = attrs.evolve(SALES, signers=tuple(signers))
        key_set = with_keys(*entries)

        chosen = [
            signers.index(private.signer(key_set, now=START_SECONDS + days * DAY))
            for days in (0, 1, 2, 4, 5)
        ]

        assert [0, 2, 1, 1, 3] == chosen

    def test_a_signer_elsewhere_is_chosen_like_any(self):
        """
        A KMS signer is used when its key id and algorithm are the entry's.
        """
        signer = KMSSigner(key_id=entry_of().key.key_id, algorithm=ED25519)
        private = attrs.evolve(SALES, signers=(signer,))

        assert signer is private.signer(KEY_SET, now=START_SECONDS)

    def test_a_signer_elsewhere_is_not_written(self):
        """
        The file has no entry for a key whose private half is in a KMS.
        """
        signer = KMSSigner(key_id=bytes(8), algorithm=ED25519)
        private = attrs.evolve(SALES, signers=(signer, *SALES.signers))

        assert SALES == PrivateKeys.from_json(private.to_json())

    @pytest.mark.parametrize(
        "entry",
        [
            attrs.evolve(entry_of(), not_before=START + timedelta(seconds=1)),
            attrs.evolve(entry_of(), sign_until=START),
            attrs.evolve(entry_of(), revoked_at=START + timedelta(days=1)),
        ],
    )
    def test_a_key_outside_of_its_window_is_not_chosen(self, entry):
        """
        A key that is yet to come, retired or revoked does not sign.
        """
        now = START_SECONDS + (entry.not_before == START)

        with pytest.raises(MissingKeyError, match=r"sales (has no|signs only from)"):
            SALES.signer(with_keys(entry), now=now)

    def test_files_of_two_ceremonies_do_not_fit(self):
        """
        Where none of the department's keys is in the set, the error says so.
        """
        signer = KMSSigner(key_id=bytes(8), algorithm=ED25519)
        private = attrs.evolve(SALES, signers=(signer,))

        with pytest.raises(MissingKeyError, match="none of its keys is in that set"):
            private.signer(KEY_SET, now=START_SECONDS)

    def test_a_key_signs_at_its_last_instant(self):
        """
        sign_until itself is in the window, as it is for whoever verifies.
        """
        sign_until = START_SECONDS + 90 * DAY

        assert SALES.signers[0] is SALES.signer(KEY_SET, now=sign_until)

    @pytest.mark.parametrize(
        ("private", "key_set"),
        [
            (SALES, with_keys()),
            (attrs.evolve(SALES, signers=()), KEY_SET),
            (attrs.evolve(SALES, signers=SUPPORT.signers), KEY_SET),
            (attrs.evolve(SALES, domain="evil.example"), KEY_SET),
            (
                attrs.evolve(
                    SALES,
                    signers=(
                        KMSSigner(key_id=entry_of().key.key_id, algorithm=ESP256),
                    ),
                ),
                KEY_SET,
            ),
        ],
        ids=["unpublished", "none", "another's", "another domain", "algorithm"],
    )
    def test_without_a_key_it_says_what_to_do(self, private, key_set):
        """
        No usable key raises, and the message says which files to make or load.
        """
        with pytest.raises(MissingKeyError, match="cxcontext keys"):
            private.signer(key_set, now=START_SECONDS)


def test_the_private_file_is_jwks():
    """
    Each entry of the private file is the JWK that jwk.py reads.
    """
    document = json.loads(SUPPORT.to_json())

    assert SUPPORT.signers == tuple(map(jwk.local_signer, document["keys"]))
    assert SUPPORT.opening_keys == tuple(map(jwk.opening_key, document["scopes"]))
