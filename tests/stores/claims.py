"""
What every store must be: the same claims, whatever the engine.

A test module of an engine has a subclass of `StoreClaims`, and a fixture
``store`` with an empty store of that engine.
"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

NOW_S = 1000
ENDS_S = 2000
PLACE = b"place"
KEY = b"key"


def put(store, record, *, version=None, lookup=PLACE, now_s=NOW_S, expires_s=ENDS_S):
    """
    Replace the record at *lookup*, usually the first one there.
    """
    return store.replace(
        lookup, record, version=version, now_s=now_s, expires_s=expires_s
    )


def version_of(store, *, lookup=PLACE, now_s=NOW_S):
    """
    Return the present version; None when nothing is there.
    """
    found = store.load(lookup, now_s=now_s)
    return None if found is None else found[0]


class StoreClaims:
    """
    Records that are replaced, and links that lead to them.
    """

    # --- records -------------------------------------------------------------

    def test_where_nothing_was_stored_nothing_is(self, store):
        """
        An unknown lookup has no record.
        """
        assert store.load(PLACE, now_s=NOW_S) is None

    def test_what_was_stored_is_loaded(self, store):
        """
        Every byte comes back, with a version.
        """
        record = bytes(range(256)) * 300
        stored = put(store, record)

        assert (True, record) == (stored, store.load(PLACE, now_s=NOW_S)[1])

    def test_each_lookup_has_its_own_record(self, store):
        """
        Lookups are compared as bytes, exactly.
        """
        lookups = [b"", b"\0", b"a", b"A", b"a\0", bytes(32), b"\xff" * 32]
        for lookup in lookups:
            put(store, b"at " + lookup, lookup=lookup)

        assert [b"at " + lookup for lookup in lookups] == [
            store.load(lookup, now_s=NOW_S)[1] for lookup in lookups
        ]

    def test_who_saw_the_version_replaces_it(self, store):
        """
        A writer that names the present version succeeds, and the record is new.
        """
        put(store, b"1")
        replaced = put(store, b"2", version=version_of(store))

        assert (True, b"2") == (replaced, store.load(PLACE, now_s=NOW_S)[1])

    def test_who_saw_an_older_version_does_not(self, store):
        """
        A version that was replaced is no longer the version.
        """
        put(store, b"1")
        seen = version_of(store)
        put(store, b"2", version=seen)
        replaced = put(store, b"3", version=seen)

        assert (False, b"2") == (replaced, store.load(PLACE, now_s=NOW_S)[1])

    def test_who_saw_nothing_does_not_replace_something(self, store):
        """
        Of two who found nothing there, the second fails.
        """
        put(store, b"1")

        assert (False, b"1") == (put(store, b"2"), store.load(PLACE, now_s=NOW_S)[1])

    def test_who_saw_something_does_not_replace_nothing(self, store):
        """
        A version that was never there is not replaced.
        """
        assert (False, None) == (
            put(store, b"1", version=1),
            store.load(PLACE, now_s=NOW_S),
        )

    def test_a_version_belongs_to_its_lookup(self, store):
        """
        What was seen elsewhere does not count here.
        """
        put(store, b"1")
        put(store, b"2", version=version_of(store))

        assert not put(store, b"3", lookup=b"other", version=version_of(store))

    def test_an_expired_record_is_gone(self, store):
        """
        A record is there until the instant at which it expires, and not at it.
        """
        put(store, b"1")

        assert ((1, b"1")[1], None) == (
            store.load(PLACE, now_s=ENDS_S - 1)[1],
            store.load(PLACE, now_s=ENDS_S),
        )

    def test_a_replacement_lives_as_long_as_it_says(self, store):
        """
        The last writer's expiry counts.
        """
        put(store, b"1")
        put(store, b"2", version=version_of(store), expires_s=ENDS_S + 50)

        assert (b"2", None) == (
            store.load(PLACE, now_s=ENDS_S + 49)[1],
            store.load(PLACE, now_s=ENDS_S + 50),
        )

    def test_an_expired_record_is_replaced_as_if_it_were_not_there(self, store):
        """
        Whoever found nothing, because it had expired, stores a first record.
        """
        put(store, b"1")
        replaced = put(store, b"2", now_s=ENDS_S, expires_s=ENDS_S + 50)

        assert (True, b"2") == (replaced, store.load(PLACE, now_s=ENDS_S)[1])

    def test_an_expired_version_is_no_version(self, store):
        """
        Whoever saw it while it lived does not replace it when it is dead.
        """
        put(store, b"1")
        seen = version_of(store)

        assert not put(store, b"2", version=seen, now_s=ENDS_S, expires_s=ENDS_S + 50)

    def test_no_version_comes_twice(self, store):
        """
        Also after a record had expired, an old version is not the new one's.
        """
        put(store, b"1")
        seen = version_of(store)
        put(store, b"2", now_s=ENDS_S, expires_s=ENDS_S + 50)
        replaced = put(store, b"3", version=seen, now_s=ENDS_S, expires_s=ENDS_S + 50)

        assert (False, b"2") == (replaced, store.load(PLACE, now_s=ENDS_S)[1])

    def test_of_many_writers_exactly_one_succeeds(self, store):
        """
        In every round of eight threads that saw the same version, one replaces it.
        """
        meet = threading.Barrier(8)

        def write(number):
            won = 0
            for _ in range(20):
                meet.wait()
                seen = version_of(store)
                meet.wait()
                won += put(store, b"%d" % number, version=seen)
            return won

        with ThreadPoolExecutor(max_workers=8) as pool:
            won = list(pool.map(write, range(8)))

        assert 20 == sum(won)

    # --- links ---------------------------------------------------------------

    def test_an_unknown_key_leads_nowhere(self, store):
        """
        A key that was never linked has no lookups.
        """
        assert [] == list(store.linked(KEY, now_s=NOW_S))

    def test_a_key_leads_to_the_latest_first(self, store):
        """
        A key may lead to several lookups, the last linked first.
        """
        for lookup in (b"a", b"b", b"c"):
            store.link(KEY, lookup, now_s=NOW_S, expires_s=ENDS_S)

        assert [b"c", b"b", b"a"] == list(store.linked(KEY, now_s=NOW_S))

    def test_linked_again_it_is_the_latest(self, store):
        """
        A second link to the same lookup moves it to the front, once.
        """
        for lookup in (b"a", b"b", b"a"):
            store.link(KEY, lookup, now_s=NOW_S, expires_s=ENDS_S)

        assert [b"a", b"b"] == list(store.linked(KEY, now_s=NOW_S))

    def test_each_key_has_its_own_links(self, store):
        """
        Keys are compared as bytes, exactly.
        """
        keys = [b"", b"\0", b"a", b"A", b"a\0"]
        for key in keys:
            store.link(key, b"to " + key, now_s=NOW_S, expires_s=ENDS_S)

        assert [[b"to " + key] for key in keys] == [
            list(store.linked(key, now_s=NOW_S)) for key in keys
        ]

    def test_an_expired_link_leads_nowhere(self, store):
        """
        Each link has its own end; others of the key stay.
        """
        store.link(KEY, b"a", now_s=NOW_S, expires_s=ENDS_S)
        store.link(KEY, b"b", now_s=NOW_S, expires_s=ENDS_S + 50)

        assert ([b"b", b"a"], [b"b"], []) == tuple(
            list(store.linked(KEY, now_s=now_s))
            for now_s in (ENDS_S - 1, ENDS_S, ENDS_S + 50)
        )

    def test_linked_again_it_lives_as_long_as_it_says(self, store):
        """
        The last link's expiry counts.
        """
        for expires_s in (ENDS_S, ENDS_S + 50):
            store.link(KEY, b"a", now_s=NOW_S, expires_s=expires_s)

        assert [b"a"] == list(store.linked(KEY, now_s=ENDS_S))

    def test_links_need_no_record(self, store):
        """
        A store decides nothing: a link may lead to where nothing rests.
        """
        store.link(KEY, PLACE, now_s=NOW_S, expires_s=ENDS_S)

        assert ([PLACE], None) == (
            list(store.linked(KEY, now_s=NOW_S)),
            store.load(PLACE, now_s=NOW_S),
        )

    def test_links_of_many_threads_are_all_there(self, store):
        """
        Eight threads that link at once lose none of their links.
        """
        lookups = [b"%d" % number for number in range(80)]

        def link(lookup):
            store.link(KEY, lookup, now_s=NOW_S, expires_s=ENDS_S)

        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(link, lookups))

        assert Counter(lookups) == Counter(store.linked(KEY, now_s=NOW_S))

    # --- what is shown -------------------------------------------------------

    def test_its_repr_shows_nothing_that_rests_there(self, store):
        """
        Neither lookups nor records are in a store's representation.
        """
        put(store, b"recorded", lookup=b"looked up")
        shown = repr(store)

        assert (False, False) == ("recorded" in shown, "looked" in shown)
