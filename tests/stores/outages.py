"""
What a store does while its server is away, and afterwards.

A test module of an engine with a server has a subclass of `OutageClaims`, and
fixtures: ``server`` that runs and may be killed, and ``store`` in it.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from claims import NOW_S, PLACE, claimed, lead, led, put, raised
from servers import within_patience

from cxcontext.errors import UnavailableError

# The time limits of the stores are made this short in these tests.
LIMIT_S = 0.5
# A machine with other work to do may be later than the limit.
AT_MOST_S = 4 * LIMIT_S
VERBS = [
    lambda store: store.load(PLACE, now_s=NOW_S),
    put,
    lambda store: claimed(store, b"a"),
    lambda store: store.remove(PLACE),
    lead,
    led,
    lambda store: store.unlink(b"key", b"a"),
    raised,
]


def answers(store):
    """
    Say whether the store works, as often as it is asked.
    """
    return store.load(b"unknown", now_s=NOW_S) is None


def there(store, name):
    """
    Return the record at *name*.
    """
    found = store.load(name, now_s=NOW_S)
    return found and found[1]


class Load:
    """
    Threads that write until they are told to stop, and remember how it went.
    """

    def __init__(self, store, threads=4):
        self.acknowledged, self.failed, self.slowest_s = [], 0, 0.0
        self._store, self._done = store, threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=threads)
        self._writers = [self._pool.submit(self._write, i) for i in range(threads)]

    def stop(self):
        """
        Let every thread end its call, and raise what it met besides outages.
        """
        self._done.set()
        self._pool.shutdown()
        for writer in self._writers:
            writer.result()

    def comes_on(self, number=40):
        """
        Wait until so many more were acknowledged.
        """
        enough = len(self.acknowledged) + number
        within_patience(lambda: len(self.acknowledged) >= enough)

    def _write(self, thread):
        number = 0
        while not self._done.is_set():
            number += 1
            name = b"%d of %d" % (number, thread)
            began = time.monotonic()
            try:
                done = put(self._store, name, key=name)
                lead(self._store, name, order=number)
            except UnavailableError:
                self.failed += 1
                time.sleep(0.02)
            else:
                assert done
                self.acknowledged.append(name)
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)


class OutageClaims:
    """
    A server that is killed, stopped, hangs, and comes back.
    """

    @pytest.mark.parametrize("how", ["kill", "stop"])
    def test_a_server_ends_and_starts_under_load(self, store, server, how):
        """
        Nothing that was acknowledged is lost, every failure is the one error and
        comes soon, and the store recovers by itself.
        """
        within_patience(lambda: answers(store))
        load = Load(store)
        load.comes_on()
        getattr(server, how)()
        within_patience(lambda: load.failed >= 4)
        server.start()
        load.comes_on()
        load.stop()
        names = load.acknowledged

        assert names == [there(store, name) for name in names]
        assert set() == set(names) - set(led(store, limit=10**6))
        assert load.slowest_s < 2 * AT_MOST_S

    def test_a_server_hangs(self, store, server):
        """
        Every verb fails in bounded time, and works when the server goes on.
        """
        within_patience(lambda: answers(store))
        put(store, b"record", key=b"kept")
        server.pause()
        took_s = []
        for verb in VERBS:
            began = time.monotonic()
            with pytest.raises(UnavailableError):
                verb(store)
            took_s.append(time.monotonic() - began)
        server.go_on()
        within_patience(lambda: answers(store))

        assert b"record" == there(store, b"kept")
        assert max(took_s) < AT_MOST_S

    def test_a_server_is_not_there(self, store, server):
        """
        Every verb fails soon, and says neither key nor record nor password.
        """
        server.stop()
        took_s, said = [], ""
        for verb in VERBS:
            began = time.monotonic()
            with pytest.raises(UnavailableError, match="the store") as ei:
                verb(store)
            said += f"{ei.value}{ei.value!r}{ei.value.__cause__}"
            took_s.append(time.monotonic() - began)
        server.start()
        within_patience(lambda: answers(store))

        assert [] == [word for word in ("place", PLACE.hex(), "hidden") if word in said]
        assert max(took_s) < AT_MOST_S
