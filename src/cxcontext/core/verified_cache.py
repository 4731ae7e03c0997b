"""
A bounded memory of statements whose signatures were verified.

A statement never changes once it is signed, so its signature need not be
checked again; key windows, revocation and expiry are, on every opening.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

from cxcontext.core.statement import SECTIONS, Statement

MAX_VERIFIED: Final = 10_000


class VerifiedCache:
    """
    The statements verified last, found by the exact bytes of their wire form.
    """

    def __init__(self, *, size: int = MAX_VERIFIED) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._statements: OrderedDict[tuple[bytes, bytes], Statement] = OrderedDict()

    def __len__(self) -> int:
        return len(self._statements)

    def __repr__(self) -> str:
        return f"<VerifiedCache of {len(self)} statements>"

    def find(self, wire: Any) -> Statement | None:
        """
        Return the verified statement of exactly this wire form, or None.
        """
        try:
            protected, unprotected, nothing, signature = wire
            found = self._statements.get((protected, signature))
        # Foreign shapes are the parser's to refuse.
        except (TypeError, ValueError):
            return None
        if found is None or nothing is not None or not _same(found, unprotected):
            return None
        return found

    def __contains__(self, statement: Statement) -> bool:
        found = self._statements.get((statement.protected, statement.signature))
        return found is not None and (found is statement or found.id == statement.id)

    def clear(self) -> None:
        """
        Forget everything; the next openings verify again.
        """
        with self._lock:
            self._statements.clear()

    def add(self, statement: Statement) -> None:
        """
        Remember a statement that has just been verified.
        """
        key = (statement.protected, statement.signature)
        with self._lock:
            self._statements[key] = statement
            self._statements.move_to_end(key)
            while len(self._statements) > self._size:
                self._statements.popitem(last=False)


def _same(statement: Statement, unprotected: Any) -> bool:
    """
    Whether every entry is there in the same form: a section or its digest.
    """
    if len(statement.sections) < len(statement.digests) or not statement.digests:
        return bool(statement.to_wire()[1] == unprotected)
    return (
        isinstance(unprotected, dict)
        and len(unprotected) == 1
        and statement.sections == unprotected.get(SECTIONS)
    )
