"""
Where the tests of homes and references keep things, and how they ask for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cxcontext.homes import AsyncHome, AsyncReferences, Home, ReferenceKeys, References
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.sqlite import SQLiteStore
from cxcontext.stores.threads import InThreads

PEPPER = b"pepper that the store never sees"
KEYS = ReferenceKeys({0: bytes(32), 7: bytes([7]) * 32})
MANY = 200
ENGINES = ["memory", "sqlite"]
WAYS = ["waited", "awaited"]


def opened(engine: str, folder: Any) -> Iterator[Any]:
    """
    Yield an empty store of a kind that needs no server, and close it.
    """
    if engine == "memory":
        yield MemoryStore()
        return
    store = SQLiteStore(folder / "store.db")
    yield store
    store.close()


class Waited:
    """
    Something whose methods are awaited, called as if they were not.
    """

    def __init__(self, awaited: Any) -> None:
        self.awaited = awaited

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.awaited, name)
        return lambda *args, **how: asyncio.run(method(*args, **how))


def references_on(store: Any, way: str = "waited", keys: ReferenceKeys = KEYS) -> Any:
    """
    Return references on a store, in either form.
    """
    if way == "waited":
        return References(store, keys=keys, pepper=PEPPER)
    return Waited(AsyncReferences(InThreads(store), keys=keys, pepper=PEPPER))


def home_on(store: Any, way: str = "waited", **limits: Any) -> Any:
    """
    Return a home on a store, in either form.
    """
    if way == "waited":
        return Home(store, pepper=PEPPER, **limits)
    return Waited(AsyncHome(InThreads(store), pepper=PEPPER, **limits))


def at_once(do: Any, number: int = MANY) -> list[Any]:
    """
    Return what *do* returns for each number below *number*, all done at once.
    """
    meet = threading.Barrier(number)

    def one(which: int) -> Any:
        meet.wait()
        return do(which)

    with ThreadPoolExecutor(max_workers=number) as pool:
        return list(pool.map(one, range(number)))


class Open(MemoryStore):
    """
    A store that somebody else has access to.
    """

    def records(self) -> dict[bytes, bytes]:
        """
        Return every record, by key.
        """
        return {key: record for key, (_, record, _) in self._records.items()}

    def put(self, key: bytes, record: bytes) -> None:
        """
        Replace a record, as if nothing had happened.
        """
        version, _, expires_s = self._records[key]
        self._records[key] = (version, record, expires_s)

    def copy(self) -> tuple[Any, ...]:
        """
        Return all that is kept, for `restore`.
        """
        return (
            dict(self._records),
            dict(self._claims),
            {key: dict(links) for key, links in self._links.items()},
        )

    def restore(self, copied: tuple[Any, ...]) -> None:
        """
        Go back to what was kept then.
        """
        records, claims, links = copied
        self._records, self._claims = dict(records), dict(claims)
        self._links = {key: dict(some) for key, some in links.items()}


def shown(problem: BaseException) -> str:
    """
    Return all that an error reporter sees of a failure: messages, causes, locals.
    """
    words, seen = [], set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        words.append(f"{problem!s} {problem!r}")
        trace = problem.__traceback__
        while trace is not None:
            # Tests hold what they ask with; whose frames are not theirs, must not.
            if "/cxcontext/" in trace.tb_frame.f_code.co_filename:
                words += [f"{k}={v!r}" for k, v in trace.tb_frame.f_locals.items()]
            trace = trace.tb_next
        problem = problem.__cause__ or problem.__context__  # type: ignore[assignment]
    return "\n".join(words)
