"""
Making and rotating keys: windows, sequence numbers, and who is given what.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from hashlib import shake_256

import attrs
import pytest

import cxcontext as cx
from cxcontext.core import keygen
from cxcontext.core.keygen import (
    KeyRing,
    add_department,
    generate_keys,
    generate_opening_key,
    generate_signer,
    give_generations,
    keys_for,
    revoke,
    rotate_scope,
    rotate_signing,
)
from cxcontext.core.keys import KeySet, PrivateKeys
from cxcontext.core.signing import ED25519, ESP256, P256_ORDER
from cxcontext.errors import (
    KeySetError,
    MissingKeyError,
    UnknownDepartmentError,
    UsageError,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOW_SECONDS = int(NOW.timestamp())
HOUR = 3600
ALGORITHMS = pytest.mark.parametrize("algorithm", [ED25519, ESP256])
SUITES = pytest.mark.parametrize("suite", ["X25519", "MLKEM768-X25519"])


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
        "readers": {1: {"sales", "support"}, 2: {"support"}},
        "now": NOW,
    }
    return generate_keys(**(arguments | changes))


RING = ring_of()


def files_of(ring: KeyRing) -> list[str]:
    """
    Return the contents of all files of *ring*.
    """
    return [ring.public.to_json(), *(k.to_json() for k in ring.private.values())]


def seconds_of(at: datetime) -> int:
    """
    Return an instant as the hot path has it.
    """
    return int(at.timestamp())


def held_by(ring: KeyRing) -> dict[str, list[tuple[int, int]]]:
    """
    Return, by department, the scope and generation of its opening keys.
    """
    return {
        name: [(key.scope, key.generation) for key in keys.opening_keys]
        for name, keys in ring.private.items()
    }


class TestMaterial:
    """
    Single new keys.
    """

    @ALGORITHMS
    def test_two_signers_are_never_the_same(self, algorithm):
        """
        Each signing key is new, and of the algorithm asked for.
        """
        one, two = (generate_signer(algorithm=algorithm) for _ in range(2))

        assert one != two
        assert algorithm == one.algorithm

    @SUITES
    def test_two_opening_keys_are_never_the_same(self, suite):
        """
        Each scope key is new, and of the suite asked for.
        """
        one, two = (
            generate_opening_key(scope=1, generation=1, open_until=NOW, suite=suite)
            for _ in range(2)
        )

        assert one != two
        assert suite == one.suite

    @pytest.mark.parametrize(
        ("read", "number"),
        [
            (bytes(40), 1),
            ((P256_ORDER - 2).to_bytes(40), P256_ORDER - 1),
            ((P256_ORDER - 1).to_bytes(40), 1),
        ],
    )
    def test_every_random_number_is_a_p256_key(self, read, number):
        """
        The number that is read is reduced to 1 to n - 1 (FIPS 186-5, A.2.1).
        """
        signer = generate_signer(algorithm=ESP256, random=lambda length: read[:length])

        assert number == int.from_bytes(signer.private_bytes())

    @pytest.mark.parametrize("algorithm", [0, -7, -8])
    def test_an_unknown_algorithm_is_the_callers_mistake(self, algorithm):
        """
        An algorithm that is neither raises UsageError.
        """
        with pytest.raises(UsageError, match="neither ED25519 nor ESP256"):
            generate_signer(algorithm=algorithm)

    def test_an_unknown_suite_is_the_callers_mistake(self):
        """
        A suite that is neither raises UsageError.
        """
        with pytest.raises(UsageError, match="neither X25519 nor MLKEM768-X25519"):
            generate_opening_key(
                scope=1, generation=1, open_until=NOW, suite="MLKEM768"
            )


class TestGenerating:
    """
    The first keys of a domain.
    """

    def test_every_department_can_sign_at_once(self):
        """
        Each department's private keys hold a signer that the key set lets sign now.
        """
        signers = [
            k.signer(RING.public, now=NOW_SECONDS) for k in RING.private.values()
        ]

        assert ["sales", "support", "partner"] == [
            RING.public.signing_key(signer.key_id).department for signer in signers
        ]

    def test_readers_are_given_their_scopes_alone(self):
        """
        Each department holds the keys of the scopes it reads, and no others.
        """
        assert {
            "sales": [(1, 1)],
            "support": [(1, 1), (2, 1)],
            "partner": [],
        } == held_by(RING)

    def test_a_reader_opens_what_a_writer_seals(self):
        """
        The private key that was given belongs to the public one in the set.
        """
        sealed = RING.public.sealing_key(1, now=NOW_SECONDS).seal(b"plain", info=b"i")
        key = RING.private["sales"].opening_key(1, 1, now=NOW_SECONDS)

        assert b"plain" == key.open(sealed, info=b"i")

    def test_windows_are_those_of_the_protocol(self):
        """
        Keys sign for 90 days and verify 90 more; scopes seal for 30 and open 90 more.
        """
        entry = RING.public.departments["sales"].keys[0]
        sealing = RING.public.sealing_generation(1, 1)
        opening = RING.private["sales"].opening_keys[0]

        assert [0, 90, 180, 30, 120, 120] == [
            (at - NOW).days
            for at in (
                entry.not_before,
                entry.sign_until,
                entry.verify_until,
                sealing.seal_until,
                sealing.open_until,
                opening.open_until,
            )
        ]

    def test_spans_can_be_chosen(self):
        """
        Lifetime and spans are the caller's; the windows follow.
        """
        ring = ring_of(
            statement_lifetime=timedelta(days=7),
            sign_for=timedelta(days=10),
            seal_for=timedelta(days=1),
        )

        entry = ring.public.departments["sales"].keys[0]
        sealing = ring.public.sealing_generation(1, 1)

        assert [10, 17, 1, 8] == [
            (at - NOW).days
            for at in (
                entry.sign_until,
                entry.verify_until,
                sealing.seal_until,
                sealing.open_until,
            )
        ]

    def test_the_first_set_names_its_departments(self):
        """
        Sequence numbers begin with 1, and departments say whether they are external.
        """
        externals = {n: d.external for n, d in RING.public.departments.items()}

        assert 1 == RING.public.sequence
        assert {"sales": False, "support": False, "partner": True} == externals

    @ALGORITHMS
    @SUITES
    def test_algorithm_and_suite_can_be_chosen(self, algorithm, suite):
        """
        One algorithm holds for all departments, one suite for each scope.
        """
        ring = ring_of(algorithm=algorithm, suites={2: suite})

        algorithms = {s.algorithm for k in ring.private.values() for s in k.signers}
        suites = [key.suite for key in ring.public.sealing_keys]

        assert ({algorithm}, ["X25519", suite]) == (algorithms, suites)

    @ALGORITHMS
    @SUITES
    def test_fixed_randomness_makes_the_same_keys(self, algorithm, suite):
        """
        Vectors can be made again: equal randomness gives equal files.
        """
        choice = {"algorithm": algorithm, "suites": {1: suite}}

        one = ring_of(**choice, random=fixed_random())
        two = ring_of(**choice, random=fixed_random())

        assert files_of(one) == files_of(two)

    def test_without_fixed_randomness_keys_differ(self):
        """
        No two rings share a key.
        """
        public, *private = files_of(RING)

        assert public != ring_of().public.to_json()
        assert 3 == len(set(private))

    def test_what_is_made_is_read(self):
        """
        All files of a ring come back as they were made.
        """
        assert RING.public == KeySet.from_json(RING.public.to_json())
        assert dict(RING.private) == {
            name: PrivateKeys.from_json(keys.to_json())
            for name, keys in RING.private.items()
        }

    def test_a_reader_that_is_no_department_is_refused(self):
        """
        A misspelt reader raises, and the message names those that there are.
        """
        with pytest.raises(UnknownDepartmentError, match="known: sales, support"):
            ring_of(readers={1: ["sails"]})

    def test_a_scope_that_nobody_reads_is_refused(self):
        """
        A scope without readers would lose all that is sealed to it.
        """
        with pytest.raises(UsageError, match="nobody would read scope 1"):
            ring_of(readers={1: []})

    def test_a_naive_instant_is_the_callers_mistake(self):
        """
        A naive now raises UsageError.
        """
        with pytest.raises(UsageError, match="naive"):
            ring_of(now=NOW.replace(tzinfo=None))

    @pytest.mark.parametrize(
        "change",
        [
            {"domain": "Acme"},
            {"departments": {"Sales": False}},
            {"statement_lifetime": timedelta(0)},
            {"sign_for": timedelta(days=-1)},
            {"seal_for": timedelta(days=-100), "statement_lifetime": -NOW.resolution},
        ],
    )
    def test_what_no_key_set_can_hold_is_refused(self, change):
        """
        A name or a span that the file could not hold is refused when it is made.
        """
        with pytest.raises(KeySetError):
            ring_of(**change)


class TestAddingADepartment:
    """
    One department more.
    """

    def test_it_can_sign_and_reads_nothing(self):
        """
        The new department has a signing key, published ahead, and no scope.
        """
        ring = add_department(RING, "billing", external=False, now=NOW)

        keys = ring.private["billing"]
        begins = NOW_SECONDS + HOUR

        assert keys.signers[0] is keys.signer(ring.public, now=begins)
        assert (2, ()) == (ring.public.sequence, keys.opening_keys)

    def test_others_are_as_before(self):
        """
        Nothing changes for the departments that there were.
        """
        ring = add_department(RING, "billing", external=True, now=NOW)

        assert RING.private.items() < ring.private.items()
        assert RING.public.departments.items() < ring.public.departments.items()

    def test_a_department_is_not_added_twice(self):
        """
        A department that is there is rotated, not added.
        """
        with pytest.raises(UsageError, match=r"rotate_signing\(\)"):
            add_department(RING, "sales", external=False, now=NOW)


class TestRotatingSigning:
    """
    A newer key to sign with.
    """

    def test_the_new_key_takes_over_when_it_begins(self):
        """
        Until the new key's first instant the old one signs, then the new one.
        """
        ring = rotate_signing(RING, "sales", now=NOW)

        private = ring.private["sales"]
        chosen = [
            private.signers.index(private.signer(ring.public, now=NOW_SECONDS + s))
            for s in (0, HOUR - 1, HOUR)
        ]

        assert [0, 0, 1] == chosen

    def test_it_is_published_ahead(self):
        """
        How far ahead of its first use a key is published is the caller's choice.
        """
        ring = rotate_signing(RING, "sales", now=NOW, publish_ahead=timedelta(days=2))

        entry = ring.public.departments["sales"].keys[-1]

        assert timedelta(days=2) == entry.not_before - NOW
        assert timedelta(days=90) == entry.sign_until - entry.not_before

    def test_the_old_key_keeps_its_window(self):
        """
        What the old key signed stays verifiable, and its entry is unchanged.
        """
        ring = rotate_signing(RING, "sales", now=NOW)

        assert (
            RING.public.departments["sales"].keys
            == ring.public.departments["sales"].keys[:-1]
        )

    def test_the_next_set_is_a_successor(self):
        """
        The sequence number is raised by one, and the set may take the old one's place.
        """
        ring = rotate_signing(RING, "sales", now=NOW)

        assert 2 == ring.public.sequence
        assert None is RING.public.check_successor(ring.public)

    def test_the_ring_before_is_unchanged(self):
        """
        Rotation returns a new ring.
        """
        before = files_of(RING)

        rotate_signing(RING, "sales", now=NOW)

        assert before == files_of(RING)

    def test_the_algorithm_can_change(self):
        """
        A department can go from Ed25519 to ESP256.
        """
        ring = rotate_signing(RING, "sales", now=NOW, algorithm=ESP256)

        keys = ring.public.departments["sales"].keys

        assert [ED25519, ESP256] == [entry.key.algorithm for entry in keys]

    def test_a_key_in_a_kms_is_published(self):
        """
        With a public key from elsewhere no private keys change or are needed.
        """
        key = generate_signer(algorithm=ESP256).verifying_key
        ring = rotate_signing(
            KeyRing(public=RING.public, private={}), "sales", now=NOW, key=key
        )

        assert "sales" == ring.public.signing_key(key.key_id).department
        assert {} == dict(ring.private)

    def test_a_key_of_another_department_is_refused(self):
        """
        Publishing a key that the set has already is refused.
        """
        key = RING.public.departments["support"].keys[0].key

        with pytest.raises(KeySetError, match="entered twice"):
            rotate_signing(RING, "sales", now=NOW, key=key)

    def test_an_unknown_department_is_refused(self):
        """
        A misspelt department raises, with those that there are.
        """
        with pytest.raises(UnknownDepartmentError, match="'sails'"):
            rotate_signing(RING, "sails", now=NOW)

    def test_missing_private_keys_are_named(self):
        """
        Without the department's private keys its new one could not be kept.
        """
        ring = KeyRing(public=RING.public, private={})

        with pytest.raises(MissingKeyError, match="private keys of sales"):
            rotate_signing(ring, "sales", now=NOW)


class TestRotatingAScope:
    """
    A newer generation to seal to.
    """

    def test_writers_seal_to_the_new_generation(self):
        """
        The new generation is the newest at once, and the sequence number is raised.
        """
        ring = rotate_scope(RING, 1, readers=["sales"], now=NOW)

        assert 2 == ring.public.sealing_key(1, now=NOW_SECONDS).generation
        assert 2 == ring.public.sequence

    def test_a_reader_that_was_removed_keeps_the_old_alone(self):
        """
        Whoever is no reader any more opens what it could open, and nothing new.
        """
        ring = rotate_scope(RING, 1, readers=["sales"], now=NOW)

        assert [(1, 1), (1, 2)] == held_by(ring)["sales"]
        assert [(1, 1), (2, 1)] == held_by(ring)["support"]

    def test_a_new_scope_begins_with_generation_1(self):
        """
        A scope that has no keys yet gets its first.
        """
        ring = rotate_scope(RING, 7, readers=["sales", "sales"], now=NOW)

        assert [(1, 1), (7, 1)] == held_by(ring)["sales"]
        assert "X25519" == ring.public.sealing_generation(7, 1).suite

    def test_the_suite_stays_unless_given(self):
        """
        A scope goes to the hybrid once, and stays there.
        """
        hybrid = rotate_scope(
            RING, 1, readers=["sales"], now=NOW, suite="MLKEM768-X25519"
        )
        ring = rotate_scope(hybrid, 1, readers=["sales"], now=NOW)

        assert "MLKEM768-X25519" == ring.public.sealing_generation(1, 3).suite

    def test_keys_past_their_last_instant_are_destroyed(self):
        """
        Expired opening keys leave all private keys, and stale entries the key set.
        """
        later = NOW + timedelta(days=120)

        ring = rotate_scope(RING, 1, readers=["sales"], now=later)

        assert {"sales": [(1, 2)], "support": [], "partner": []} == held_by(ring)
        assert None is ring.public.sealing_generation(1, 1)

    def test_a_number_is_never_given_again(self):
        """
        The newest generation of an idle scope stays, so that its number is taken.
        """
        later = NOW + timedelta(days=500)

        ring = rotate_scope(RING, 1, readers=["sales"], now=later)
        ring = rotate_scope(ring, 2, readers=["sales"], now=later)

        assert 2 == ring.public.sealing_key(2, now=seconds_of(later)).generation

    def test_keys_that_still_open_are_kept(self):
        """
        The second before its last instant an old generation is still there.
        """
        later = NOW + timedelta(days=120, seconds=-1)

        ring = rotate_scope(RING, 1, readers=["sales"], now=later)

        assert [(1, 1), (1, 2)] == held_by(ring)["sales"]
        assert None is not ring.public.sealing_generation(1, 1)

    def test_missing_private_keys_are_named(self):
        """
        A reader whose private keys are not at hand could not be given the key.
        """
        ring = KeyRing(public=RING.public, private={"sales": RING.private["sales"]})

        with pytest.raises(MissingKeyError, match="private keys of support"):
            rotate_scope(ring, 1, readers=["sales", "support"], now=NOW)


class TestGivingGenerations:
    """
    A reader more for what was sealed before.
    """

    def test_a_new_reader_opens_what_it_was_given(self):
        """
        The generations chosen are given, and the public key set does not change.
        """
        ring = rotate_scope(RING, 2, readers=["support"], now=NOW)

        given = give_generations(ring, 2, generations=[2], to="sales")

        assert [(1, 1), (2, 2)] == held_by(given)["sales"]
        assert ring.public is given.public

    def test_giving_again_changes_nothing(self):
        """
        A reader that has a generation already is as before.
        """
        assert RING == give_generations(RING, 1, generations=[1, 1], to="sales")

    def test_a_generation_that_nobody_holds_is_named(self):
        """
        What no private keys at hand hold cannot be given.
        """
        with pytest.raises(MissingKeyError, match="generation 2 of scope 1"):
            give_generations(RING, 1, generations=[1, 2], to="sales")

    def test_an_unknown_department_is_refused(self):
        """
        A misspelt reader raises.
        """
        with pytest.raises(UnknownDepartmentError):
            give_generations(RING, 1, generations=[1], to="sails")


class TestRevoking:
    """
    A key that counts no more.
    """

    KEY_ID = RING.public.departments["sales"].keys[0].key.key_id

    def test_a_revoked_key_is_not_signed_with(self):
        """
        The department cannot sign with it, and the entry says since when.
        """
        ring = revoke(RING, self.KEY_ID, now=NOW)

        assert NOW == ring.public.signing_key(self.KEY_ID).revoked_at
        with pytest.raises(MissingKeyError):
            ring.private["sales"].signer(ring.public, now=NOW_SECONDS)

    def test_only_that_key_is_revoked(self):
        """
        Other keys, of that department too, are as before; the sequence is raised.
        """
        rotated = rotate_signing(RING, "sales", now=NOW)

        ring = revoke(rotated, self.KEY_ID, now=NOW)

        assert [False, True] == [
            entry.revoked_at is None for entry in ring.public.departments["sales"].keys
        ]
        assert rotated.public.sequence + 1 == ring.public.sequence

    def test_the_first_revocation_stands(self):
        """
        Revoking again changes nothing, not even the sequence number.
        """
        ring = revoke(RING, self.KEY_ID, now=NOW)

        assert ring is revoke(ring, self.KEY_ID, now=NOW + timedelta(days=1))

    def test_an_unknown_key_is_named(self):
        """
        A key id that the set does not have raises, with the id.
        """
        with pytest.raises(MissingKeyError, match="key 0000000000000000 is not"):
            revoke(RING, bytes(8), now=NOW)


def test_a_ring_does_not_change():
    """
    The private keys of a ring are a read-only copy of the caller's mapping.
    """
    with pytest.raises(TypeError):
        RING.private["sales"] = None
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        RING.public = None


def test_its_repr_has_names_only():
    """
    The repr of a ring names departments and shows no key.
    """
    assert repr(RING).endswith("private=['sales', 'support', 'partner'])")


def test_all_names_are_there():
    """
    What keygen says it offers, it has.
    """
    assert all(hasattr(keygen, name) for name in keygen.__all__)


class TestForAVocabulary:
    """
    The first keys of whoever a vocabulary names.
    """

    def test_whoever_is_named_has_keys(self):
        """
        Readers, writers, authorities and verifiers are departments; readers open.
        """

        class Acme(cx.Vocabulary, revision=1):
            contact = cx.Scope(1, readers={"sales"}, writers={"web"})
            payment = cx.Scope(2, readers={"billing"}, writers={"billing", "bank"})
            name = cx.Field(1, str, scope=contact, authority={"sales"})
            paid = cx.Field(2, str, scope=payment, verifiers={"bank"})

        ring = keys_for(Acme, domain="acme.example", now=NOW, external={"bank"})

        assert (
            {"bank": True, "billing": False, "sales": False, "web": False},
            {"bank", "billing", "sales", "web"},
            {1, 2},
        ) == (
            {name: d.external for name, d in ring.public.departments.items()},
            {*ring.private},
            {key.scope for key in ring.public.sealing_keys},
        )

    def test_there_may_be_more_and_they_may_last_longer(self):
        """
        Departments that the vocabulary does not name have keys, for as long as asked.
        """

        class Acme(cx.Vocabulary, revision=1):
            contact = cx.Scope(1, readers={"sales"})
            name = cx.Field(1, str, scope=contact)

        ring = keys_for(
            Acme,
            domain="acme.example",
            now=NOW,
            departments={"desk"},
            external={"courier"},
            sign_for=timedelta(days=1000),
            seal_for=timedelta(days=2000),
        )
        (signing,) = ring.public.departments["desk"].keys
        (sealing,) = ring.public.sealing_keys

        assert {"courier", "desk", "sales"} == ring.private.keys()
        assert ring.public.departments["courier"].external
        assert NOW + timedelta(days=1000) == signing.sign_until
        assert NOW + timedelta(days=2000) == sealing.seal_until
