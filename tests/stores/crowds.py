"""
Processes that use one store together, and processes that are killed.

A test module of an engine that processes share has a subclass of `SharedClaims`,
and a fixture ``opened``: how another process opens the same store. What the
processes run is here, too, for they import it.
"""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

from claims import KEY, MANY, PLACE, lead, led, put, raised, version_of

SPAWN = multiprocessing.get_context("spawn")
PROCESSES = 4
SEEN = b"seen"


def crowd(opened, first, meet, results):
    """
    Be one process of several: fifty who replace, link and count, all at once.
    """
    store = opened()
    seen = version_of(store)
    members = range(first, first + MANY // PROCESSES)
    here = threading.Barrier(len(members), action=meet.wait)

    def one(number):
        here.wait()
        won = put(store, b"%d" % number, version=seen)
        here.wait()
        lead(store, b"%d" % number, order=number)
        here.wait()
        return won, raised(store)

    with ThreadPoolExecutor(max_workers=len(members)) as pool:
        found = list(pool.map(one, members))
    meet.wait()
    results.put((first, found))
    store.close()


def write_and_say(opened, said):
    """
    Put a thousand records, links and counts; say of each when it was acknowledged.
    """
    store = opened()
    for number in range(1000):
        name = b"%d" % number
        assert put(store, b"record " + name, key=name)
        lead(store, name, order=number)
        said.send(number)
        assert raised(store) == number + 1


def acknowledged_until_killed(opened, *, kill_after=300):
    """
    Return the numbers that a writer said before it was killed in the midst.
    """
    hears, said = SPAWN.Pipe(duplex=False)
    writer = SPAWN.Process(target=write_and_say, args=(opened, said))
    writer.start()
    said.close()
    numbers = []
    try:
        while True:
            numbers.append(hears.recv())
            if len(numbers) == kill_after:
                writer.kill()
    except EOFError:
        writer.join()
    assert writer.exitcode == -9
    return numbers


def everything_is_there(store, numbers):
    """
    Assert that what was acknowledged under these numbers is in the store.
    """
    there = [store.load(b"%d" % number, now_s=0) for number in numbers]

    assert [b"record %d" % number for number in numbers] == [
        found and found[1] for found in there
    ]
    assert set() == {b"%d" % number for number in numbers} - set(led(store))
    # The last one was counted or not: it says so only with the next.
    assert raised(store) in (len(numbers), len(numbers) + 1)


class SharedClaims:
    """
    Several processes on one store.
    """

    def test_of_two_hundred_in_four_processes(self, store, opened):
        """
        Exactly one replaces the version all saw; no link and no count is lost.
        """
        put(store, SEEN)
        meet, results = SPAWN.Barrier(PROCESSES), SPAWN.Queue()
        processes = [
            SPAWN.Process(target=crowd, args=(opened, first, meet, results))
            for first in range(0, MANY, MANY // PROCESSES)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        found = sorted(results.get() for _ in processes)
        members = [member for _, some in found for member in some]
        won = [won for won, _ in members]

        assert [True] == [one for one in won if one]
        assert b"%d" % won.index(True) == store.load(PLACE, now_s=0)[1]
        assert [b"%d" % number for number in reversed(range(MANY))] == led(store)
        assert list(range(1, MANY + 1)) == sorted(number for _, number in members)

    def test_a_writer_is_killed_in_the_midst_of_a_thousand(self, store, opened):
        """
        Everything that it had acknowledged is there, and the store goes on.
        """
        numbers = acknowledged_until_killed(opened)

        everything_is_there(store, numbers)
        assert put(store, b"1", key=KEY)
