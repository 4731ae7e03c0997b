"""
What every store must be: the same claims, whatever the engine.

A test module of an engine has a subclass of `StoreClaims`, and a fixture
``store`` with an empty store of that engine.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

NOW_S = 1000
ENDS_S = 2000
PLACE = b"place"
KEY = b"key"
# Of every length that is odd for somebody, and with what engines may take for signs.
KEYS = [b"", b"\0", b"a", b"A", b"a\0", b"{}", b"}%:*", bytes(32), b"\xff" * 64]
# As many as a fair crowd at one counter.
MANY = 200


def put(
    store, record=b"record", *, version=None, key=PLACE, now_s=NOW_S, expires_s=ENDS_S
):
    """
    Replace the record at *key*, usually the first one there.
    """
    return store.replace(key, record, version=version, now_s=now_s, expires_s=expires_s)


def claimed(store, claimant, *, prefix=b"", key=PLACE, now_s=NOW_S):
    """
    Claim the record at *key*.
    """
    return store.claim(key, claimant, prefix=prefix, now_s=now_s)


def lead(store, value=b"value", *, key=KEY, order=1, now_s=NOW_S, expires_s=ENDS_S):
    """
    Link *key* to *value*.
    """
    store.link(key, value, order=order, now_s=now_s, expires_s=expires_s)


def led(store, *, key=KEY, now_s=NOW_S, **options):
    """
    Return the values that *key* leads to.
    """
    return [value for _, value in store.linked(key, now_s=now_s, **options)]


def raised(store, *, key=KEY, now_s=NOW_S, expires_s=ENDS_S):
    """
    Count one more under *key*.
    """
    return store.increment(key, now_s=now_s, expires_s=expires_s)


def at_once(do, number=MANY):
    """
    Return what *do* returns for each number below *number*, all done at once.
    """
    meet = threading.Barrier(number)

    def one(which):
        meet.wait()
        return do(which)

    with ThreadPoolExecutor(max_workers=number) as pool:
        return list(pool.map(one, range(number)))


def version_of(store, *, key=PLACE, now_s=NOW_S):
    """
    Return the present version; None when nothing is there.
    """
    found = store.load(key, now_s=now_s)
    return None if found is None else found[0]


class StoreClaims:
    """
    Records that are replaced, links that lead to them, and counts.
    """

    # --- records -------------------------------------------------------------

    def test_where_nothing_was_stored_nothing_is(self, store):
        """
        An unknown key has no record.
        """
        assert store.load(PLACE, now_s=NOW_S) is None

    def test_what_was_stored_is_loaded(self, store):
        """
        Every byte comes back, with a version.
        """
        record = bytes(range(256)) * 300
        stored = put(store, record)

        assert (True, record) == (stored, store.load(PLACE, now_s=NOW_S)[1])

    def test_each_key_has_its_own_record(self, store):
        """
        Keys are compared as bytes, exactly; the longest has 64.
        """
        for key in KEYS:
            put(store, b"at " + key, key=key)

        assert [b"at " + key for key in KEYS] == [
            store.load(key, now_s=NOW_S)[1] for key in KEYS
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

    def test_a_version_belongs_to_its_key(self, store):
        """
        What was seen elsewhere does not count here.
        """
        put(store, b"1")
        put(store, b"2", version=version_of(store))

        assert not put(store, b"3", key=b"other", version=version_of(store))

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

    def test_a_removed_record_is_gone(self, store):
        """
        Removing needs no version, and may be done again.
        """
        put(store, b"1")
        store.remove(PLACE)
        store.remove(PLACE)

        assert (None, True, b"2") == (
            store.load(PLACE, now_s=NOW_S),
            put(store, b"2"),
            store.load(PLACE, now_s=NOW_S)[1],
        )

    def test_no_version_comes_back_after_a_removal(self, store):
        """
        Who saw the removed record does not replace the one that came after it.
        """
        put(store, b"1")
        seen = version_of(store)
        store.remove(PLACE)
        put(store, b"2")
        replaced = put(store, b"3", version=seen)

        assert (False, b"2") == (replaced, store.load(PLACE, now_s=NOW_S)[1])

    def test_removing_takes_the_record_only(self, store):
        """
        Other records, links and counts stay, also those under the same bytes.
        """
        put(store, b"1", key=KEY)
        put(store, b"2")
        lead(store, b"a")
        raised(store)
        store.remove(KEY)

        assert (None, b"2", [b"a"], 2) == (
            store.load(KEY, now_s=NOW_S),
            store.load(PLACE, now_s=NOW_S)[1],
            led(store),
            raised(store),
        )

    def test_of_many_writers_exactly_one_succeeds(self, store):
        """
        Of two hundred that saw the same version at once, one replaces it.
        """
        put(store, b"seen")
        seen = version_of(store)
        won = at_once(lambda number: put(store, b"%d" % number, version=seen))

        assert (1, b"%d" % won.index(True)) == (
            sum(won),
            store.load(PLACE, now_s=NOW_S)[1],
        )

    def test_of_many_first_writers_exactly_one_succeeds(self, store):
        """
        Of two hundred that found nothing at once, one stores the first record.
        """
        won = at_once(lambda number: put(store, b"%d" % number))

        assert (1, b"%d" % won.index(True)) == (
            sum(won),
            store.load(PLACE, now_s=NOW_S)[1],
        )

    # --- claiming ------------------------------------------------------------

    def test_the_first_claimant_stays(self, store):
        """
        Whoever claims later, or again, is told who was the first.
        """
        put(store, b"record")

        assert [(b"a", b"record")] * 3 == [
            claimed(store, by) for by in (b"a", b"b", b"a")
        ]

    def test_what_is_not_there_is_not_claimed(self, store):
        """
        Neither an unknown record nor an expired one, which may be claimed until then.
        """
        unknown = claimed(store, b"a")
        put(store, b"record")

        assert (None, None, (b"b", b"record")) == (
            unknown,
            claimed(store, b"a", now_s=ENDS_S),
            claimed(store, b"b", now_s=ENDS_S - 1),
        )

    def test_what_begins_otherwise_is_not_claimed(self, store):
        """
        The record is returned, without a claimant; of its right beginning it has one.
        """
        record = b"\0\1record"
        put(store, record)

        assert [(b"", record)] * 3 + [(b"a", record)] * 2 + [(b"", record)] == [
            claimed(store, by, prefix=prefix)
            for by, prefix in (
                (b"x", b"\0\2"),
                (b"x", b"\1"),
                (b"x", record + b"s"),
                (b"a", record),
                (b"x", b"\0\1"),
                (b"x", b"\1"),
            )
        ]

    def test_an_empty_record_is_a_record(self, store):
        """
        It begins with nothing, and with nothing else.
        """
        put(store, b"")

        assert [(b"", b""), (b"a", b"")] == [
            claimed(store, by, prefix=prefix)
            for by, prefix in ((b"x", b"x"), (b"a", b""))
        ]

    def test_claiming_changes_no_version_and_no_end(self, store):
        """
        Whoever saw the record before may still replace it, as long as it lives.
        """
        put(store, b"record", expires_s=ENDS_S)
        before = store.load(PLACE, now_s=NOW_S)
        claimed(store, b"a" * 64)

        assert (before, None, True) == (
            store.load(PLACE, now_s=NOW_S),
            store.load(PLACE, now_s=ENDS_S),
            put(store, b"new", version=before[0]),
        )

    @pytest.mark.parametrize("how", ["replaced", "removed", "expired"])
    def test_a_new_record_has_no_claimant(self, store, how):
        """
        Whether the claimed one was replaced, removed, or had expired.
        """
        put(store, b"record")
        claimed(store, b"a")
        if how == "replaced":
            put(store, b"new", version=version_of(store))
        if how == "removed":
            store.remove(PLACE)
        now_s = ENDS_S if how == "expired" else NOW_S
        put(store, b"new", now_s=now_s, expires_s=ENDS_S * 2)

        assert (b"b", b"new") == claimed(store, b"b", now_s=now_s)

    def test_of_many_claimants_exactly_one_is_the_first(self, store):
        """
        Two hundred that claim at once are all told the same one, who is one of them.
        """
        put(store, bytes(range(256)) * 8)
        told = at_once(lambda number: claimed(store, b"%d" % number)[0])

        assert (1, True) == (len(set(told)), int(told[0]) in range(MANY))

    # --- links ---------------------------------------------------------------

    def test_an_unknown_key_leads_nowhere(self, store):
        """
        A key that was never linked leads to nothing.
        """
        assert [] == list(store.linked(KEY, now_s=NOW_S))

    def test_a_key_leads_to_the_highest_first(self, store):
        """
        A key may lead to several values; their order decides, and then their bytes.
        """
        orders = {b"a": 2, b"b": 2**53 - 1, b"c": 0, b"d": 2}
        for value, order in orders.items():
            lead(store, value, order=order)

        assert [(2**53 - 1, b"b"), (2, b"d"), (2, b"a"), (0, b"c")] == list(
            store.linked(KEY, now_s=NOW_S)
        )

    def test_linked_again_it_has_the_new_order(self, store):
        """
        A second link to the same value moves it, up or down, once.
        """
        for value, order in ((b"a", 1), (b"b", 2), (b"c", 3), (b"a", 4), (b"c", 0)):
            lead(store, value, order=order)

        assert [b"a", b"b", b"c"] == led(store)

    def test_each_key_has_its_own_links(self, store):
        """
        Keys are compared as bytes, exactly.
        """
        for key in KEYS:
            lead(store, b"to " + key, key=key)

        assert [[b"to " + key] for key in KEYS] == [led(store, key=key) for key in KEYS]

    def test_a_value_is_any_bytes(self, store):
        """
        Of none to 1,024 bytes, every one comes back.
        """
        values = sorted([b"", b"\0", b"\r\n", bytes(range(256)) * 4, b"\xff"])
        for value in values:
            lead(store, value)

        assert values[::-1] == led(store)

    def test_only_what_is_of_interest_is_found(self, store):
        """
        Up to an order, itself included, and no more than asked for.
        """
        for order in range(9):
            lead(store, b"%d" % order, order=order)

        assert ([b"5", b"4", b"3"], [b"8"], [b"0"], []) == (
            led(store, until=5, limit=3),
            led(store, limit=1),
            led(store, until=0),
            led(store, limit=0),
        )

    def test_of_very_many_there_is_a_next_page(self, store):
        """
        A thousand are found unless more are asked for; the rest lies below them.
        """
        for order in range(1001):
            lead(store, b"%d" % order, order=order)
        first = store.linked(KEY, now_s=NOW_S)
        rest = store.linked(KEY, now_s=NOW_S, until=first[-1][0] - 1)

        assert (list(range(1000, 0, -1)), [0], 1001) == (
            [order for order, _ in first],
            [order for order, _ in rest],
            len(store.linked(KEY, now_s=NOW_S, limit=5000)),
        )

    def test_what_has_expired_takes_no_place(self, store):
        """
        So many as were asked for are found, although many higher ones are dead.
        """
        for order in range(250):
            lead(store, b"%d" % order, order=order, expires_s=ENDS_S + (order < 5))

        assert [b"4", b"3", b"2"] == led(store, now_s=ENDS_S, limit=3)

    def test_an_expired_link_leads_nowhere(self, store):
        """
        Each link has its own end; others of the key stay.
        """
        lead(store, b"a")
        lead(store, b"b", expires_s=ENDS_S + 50)

        assert ([b"b", b"a"], [b"b"], []) == tuple(
            led(store, now_s=now_s) for now_s in (ENDS_S - 1, ENDS_S, ENDS_S + 50)
        )

    def test_linked_again_it_lives_as_long_as_it_says(self, store):
        """
        The last link's expiry counts, also if it is the earlier one.
        """
        for value, ends in ((b"a", (0, 50)), (b"b", (50, 0))):
            for later in ends:
                lead(store, value, expires_s=ENDS_S + later)

        assert [b"a"] == led(store, now_s=ENDS_S)

    def test_an_unlinked_value_is_not_led_to(self, store):
        """
        Only that one link goes, at once, and it may be done again.
        """
        lead(store, b"a")
        lead(store, b"b")
        lead(store, b"a", key=b"other")
        for _ in range(2):
            store.unlink(KEY, b"a")
        store.unlink(b"unknown", b"a")

        assert ([b"b"], [b"a"]) == (led(store), led(store, key=b"other"))

    def test_links_need_no_record(self, store):
        """
        A store decides nothing: a link may lead to where nothing rests.
        """
        lead(store, PLACE)

        assert ([PLACE], None) == (led(store), store.load(PLACE, now_s=NOW_S))

    def test_links_of_many_at_once_are_all_there(self, store):
        """
        Two hundred that link at once lose none of their links.
        """
        at_once(lambda number: lead(store, b"%d" % number, order=number))

        assert [b"%d" % number for number in reversed(range(MANY))] == led(store)

    # --- counts --------------------------------------------------------------

    def test_counting_begins_with_one(self, store):
        """
        The first is one, and each is one more.
        """
        assert [1, 2, 3] == [raised(store) for _ in range(3)]

    def test_each_key_has_its_own_count(self, store):
        """
        Keys are compared as bytes, exactly.
        """
        assert [1] * len(KEYS) == [raised(store, key=key) for key in KEYS]

    def test_the_first_sets_the_end(self, store):
        """
        Later ones do not move it; at the end counting begins again, with a new end.
        """
        first = raised(store)
        at_end = raised(store, now_s=ENDS_S - 1, expires_s=ENDS_S + 500)
        anew = raised(store, now_s=ENDS_S, expires_s=ENDS_S + 50)
        on = raised(store, now_s=ENDS_S + 49)
        again = raised(store, now_s=ENDS_S + 50, expires_s=ENDS_S + 99)

        assert (1, 2, 1, 2, 1) == (first, at_end, anew, on, again)

    def test_of_many_that_count_at_once_none_is_lost(self, store):
        """
        Two hundred get each a number of their own, from one to two hundred.
        """
        numbers = at_once(lambda _: raised(store))

        assert list(range(1, MANY + 1)) == sorted(numbers)

    # --- what is shown -------------------------------------------------------

    def test_its_repr_shows_nothing_that_rests_there(self, store):
        """
        Neither keys nor records are in a store's representation.
        """
        put(store, b"recorded", key=b"looked up")
        lead(store, b"led to")
        shown = repr(store)

        assert [] == [word for word in ("recorded", "looked", "led") if word in shown]
