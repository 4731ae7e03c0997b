"""
The engines on which the tests of secrets and erasure run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.sqlite import SQLiteStore

PEPPER = b"pepper that the store never sees"
AWAITED = ("memory", "sqlite")


def engine(name: str, place: Path) -> Iterator[Any]:
    """
    Yield an empty store, and close it.
    """
    if name == "memory":
        yield MemoryStore()
        return
    store = SQLiteStore(place / "home.db")
    yield store
    store.close()


class Awaited:
    """
    A store whose calls are awaited.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*args: Any, **how: Any) -> Any:
            return method(*args, **how)

        return call


@contextmanager
def awaited(name: str, place: Path) -> Iterator[Awaited]:
    """
    Yield an empty store whose calls are awaited.
    """
    for store in engine(name, place):
        yield Awaited(store)
