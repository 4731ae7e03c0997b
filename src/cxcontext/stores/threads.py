"""
A store that waits, for an application that must not: each call in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cxcontext.typing import Store


class InThreads:
    """
    Makes an `cxcontext.typing.AsyncStore` of a `cxcontext.typing.Store`.

    For `MemoryStore`, `SQLiteStore` and stores of your own; Redis and PostgreSQL
    have asynchronous ones. A call that is cancelled is not waited for, and may
    still be done.

    Args:
        store: Whose verbs are called, each in a thread of the event loop's pool.

    .. versionadded:: 0.1.0
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<InThreads of {self._store!r}>"

    async def load(self, key: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        As `Store.load`.
        """
        return await asyncio.to_thread(self._store.load, key, now_s=now_s)

    async def replace(
        self,
        key: bytes,
        record: bytes,
        *,
        version: int | None,
        now_s: int,
        expires_s: int,
    ) -> bool:
        """
        As `Store.replace`.
        """
        return await asyncio.to_thread(
            self._store.replace,
            key,
            record,
            version=version,
            now_s=now_s,
            expires_s=expires_s,
        )

    async def claim(
        self, key: bytes, claimant: bytes, *, prefix: bytes, now_s: int
    ) -> tuple[bytes, bytes] | None:
        """
        As `Store.claim`.
        """
        return await asyncio.to_thread(
            self._store.claim, key, claimant, prefix=prefix, now_s=now_s
        )

    async def remove(self, key: bytes) -> None:
        """
        As `Store.remove`.
        """
        await asyncio.to_thread(self._store.remove, key)

    async def link(
        self, key: bytes, value: bytes, *, order: int, now_s: int, expires_s: int
    ) -> None:
        """
        As `Store.link`.
        """
        await asyncio.to_thread(
            self._store.link,
            key,
            value,
            order=order,
            now_s=now_s,
            expires_s=expires_s,
        )

    async def linked(
        self, key: bytes, *, now_s: int, until: int | None = None, limit: int = 1000
    ) -> Sequence[tuple[int, bytes]]:
        """
        As `Store.linked`.
        """
        return await asyncio.to_thread(
            self._store.linked, key, now_s=now_s, until=until, limit=limit
        )

    async def unlink(self, key: bytes, value: bytes) -> None:
        """
        As `Store.unlink`.
        """
        await asyncio.to_thread(self._store.unlink, key, value)

    async def increment(self, key: bytes, *, now_s: int, expires_s: int) -> int:
        """
        As `Store.increment`.
        """
        return await asyncio.to_thread(
            self._store.increment, key, now_s=now_s, expires_s=expires_s
        )
