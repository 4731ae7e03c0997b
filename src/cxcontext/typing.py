"""
What users of the library may implement themselves, as protocols.

An implementation does not inherit from these; it has the same methods. Nothing
here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from cxcontext.core.carrier import Limits
    from cxcontext.core.department import Department
    from cxcontext.core.journey import Journey
    from cxcontext.core.keys import KeySet
    from cxcontext.core.outcomes import Deposited

__all__ = [
    "AsyncStore",
    "Carrier",
    "Clock",
    "ErasureSecrets",
    "KeySource",
    "Random",
    "Signer",
    "Store",
]

Clock: TypeAlias = Callable[[], datetime]
"""
Returns the present instant as an aware datetime.

.. versionadded:: 0.1.0
"""

Random: TypeAlias = Callable[[int], bytes]
"""
Returns that many unpredictable bytes, as `secrets.token_bytes` does.

.. versionadded:: 0.1.0
"""


@runtime_checkable
class Signer(Protocol):
    """
    Signs for a department: a private key in memory, or one in a KMS or an HSM.

    For the implementer: *key_id* and *algorithm* are those of the department's
    entry in the public key set and never change during the object's life.
    `sign` may be called from several threads at once. An error of the service
    behind it is raised as `cxcontext.errors.UnavailableError` when trying again
    can help. ESP256 signatures are the 64 raw bytes r and s, not DER, and s is
    at most half the group's order: replace s by n - s where the service
    returns a larger one.

    .. versionadded:: 0.1.0
    """

    @property
    def key_id(self) -> bytes:
        """
        The first 8 bytes of the public key's RFC 7638 SHA-256 thumbprint.
        """
        ...

    @property
    def algorithm(self) -> int:
        """
        The COSE algorithm: -19 (Ed25519) or -9 (ESP256).
        """
        ...

    def sign(self, data: bytes) -> bytes:
        """
        Return the 64 bytes of signature over *data*, unhashed as passed.
        """
        ...


@runtime_checkable
class KeySource(Protocol):
    """
    Where the public key set comes from when it is not a file read once.

    For the implementer: `load` is called when the trust domain is constructed,
    and again when an unknown key id is met, but at most once a minute (protocol,
    section 2). It may block; it may be called from any thread, by one
    at a time. Where the set travels over something that others can write to, it
    must be signed and the pin passed to `KeySet.from_json`.

    .. versionadded:: 0.1.0
    """

    def load(self) -> KeySet:
        """
        Return the present key set.

        Raises:
            cxcontext.errors.UnavailableError: When the source cannot be
                reached now. At construction that is passed on; later the key
                set at hand stays in use.
            cxcontext.errors.KeySetError: When what it holds is refused.
        """
        ...


@runtime_checkable
class ErasureSecrets(Protocol):
    """
    Where the secrets of erasable journeys are: keeps them, and deletes them for good.

    For the implementer: the library asks for a secret on every use and keeps
    none, so a secret that was deleted must no longer be returned after the time
    that you publish, by no process; that time is when every copy of the journey
    is unreadable. Keep secrets where no backup outlives it either. Both methods
    are called from any thread, `find` each time that a field is read: answer it
    from memory, within that time. Errors never contain a secret.

    .. versionadded:: 0.1.0
    """

    def create(self, journey_id: str, /) -> bytes:
        """
        Return 32 random bytes for a journey that begins, and keep them.

        The same ones, if it is asked again: a root that could not be sealed is
        tried again.

        Raises:
            cxcontext.errors.UnavailableError: When they cannot be kept now. The
                journey is not sealed then.
        """
        ...

    def find(self, journey_id: str, /) -> bytes | None:
        """
        Return the secret of a journey, or None: it was deleted, or never was here.

        Raises:
            cxcontext.errors.UnavailableError: When that cannot be said now. What
                is sealed under it cannot be read then.
        """
        ...


class Carrier(Protocol):
    """
    One message's metadata: headers, properties, attributes.

    For the implementer: wrap the library's own object and change nothing else
    in it. Names are compared as the protocol compares them: HTTP without case,
    Kafka with. Keep duplicates apart in `get_all`: two values are an error that
    only the propagator may judge.

    .. versionadded:: 0.1.0
    """

    @property
    def limits(self) -> Limits:
        """
        What the message takes.
        """
        ...

    def get_all(self, name: str) -> Sequence[str | bytes]:
        """
        Return every value under *name*, in order; empty when there is none.

        Raises:
            cxcontext.errors.VerificationError: When the protocol tells that what is
                there must not be taken, as with a retained message of MQTT.
        """
        ...

    def set(self, name: str, value: str | bytes) -> None:
        """
        Put *value* under *name*, in place of all others.
        """
        ...

    def remove(self, name: str) -> None:
        """
        Take away every value under *name*; nothing, when there is none.
        """
        ...


class ReferenceKeeper(Protocol):
    """
    Where a propagator puts what a carrier is too small for.

    `cxcontext.homes.References` is one.

    .. versionadded:: 0.1.0
    """

    def deposit(
        self,
        journey: Journey[Any],
        to: str,
        *,
        lifetime: timedelta,
        binding: bytes | None = None,
    ) -> Deposited:
        """
        Put the journey, handed over to *to*, under a new reference.

        Raises:
            cxcontext.errors.UnavailableError: When the store cannot be reached.
        """
        ...

    def fetch(
        self,
        text: str | bytes,
        *,
        department: Department[Any],
        binding: bytes | None = None,
        once: bool = False,
        channel: str | None = None,
        message_id: bytes | None = None,
    ) -> Journey[Any]:
        """
        Return the journey under the reference that a department sent.

        Raises:
            cxcontext.errors.VerificationError: When there is none for it.
            cxcontext.errors.UnavailableError: When the store cannot be reached.
        """
        ...


class AsyncReferenceKeeper(Protocol):
    """
    As `ReferenceKeeper`, for applications that must not wait on their event loop.

    .. versionadded:: 0.1.0
    """

    async def deposit(
        self,
        journey: Journey[Any],
        to: str,
        *,
        lifetime: timedelta,
        binding: bytes | None = None,
    ) -> Deposited:
        """
        As `ReferenceKeeper.deposit`.
        """
        ...

    async def fetch(
        self,
        text: str | bytes,
        *,
        department: Department[Any],
        binding: bytes | None = None,
        once: bool = False,
        channel: str | None = None,
        message_id: bytes | None = None,
    ) -> Journey[Any]:
        """
        As `ReferenceKeeper.fetch`.
        """
        ...


class DeliveryLog(Protocol):
    """
    Where a propagator notes to whom a journey was sent.

    .. versionadded:: 0.1.0
    """

    def note_handed(
        self,
        journey_id: str,
        *,
        to: str,
        scopes: Collection[int],
        at: datetime,
        export: str | None = None,
    ) -> None:
        """
        Note one hand-over: to which department, with which scopes, when.

        *export* is the id of the journey that an external partner was sent instead.

        Raises:
            cxcontext.errors.UnavailableError: When the log cannot be reached.
        """
        ...


class AsyncDeliveryLog(Protocol):
    """
    As `DeliveryLog`, for applications that must not wait on their event loop.

    .. versionadded:: 0.1.0
    """

    async def note_handed(
        self,
        journey_id: str,
        *,
        to: str,
        scopes: Collection[int],
        at: datetime,
        export: str | None = None,
    ) -> None:
        """
        As `DeliveryLog.note_handed`.
        """
        ...


class Store(Protocol):
    """
    Where journeys and references rest: records, links and counts under opaque keys.

    For the implementer: a store sees nothing but bytes, and decides nothing.
    Keys and values are compared byte by byte. What `replace` promises must hold
    between processes: of two writers that saw the same version, exactly one
    succeeds, and what was acknowledged is not lost when a writer dies. *now_s*
    is the caller's clock, in whole seconds since 1970, and alone decides what
    has expired: at *expires_s* it has. An engine may forget what has expired, and
    nothing sooner, also where its own clock is ahead by up to an hour. Raise
    `cxcontext.errors.UnavailableError` when the engine cannot be reached.

    .. versionadded:: 0.1.0
    """

    def load(self, key: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        Return version and record; None when there is none, or it has expired.
        """
        ...

    def replace(
        self,
        key: bytes,
        record: bytes,
        *,
        version: int | None,
        now_s: int,
        expires_s: int,
    ) -> bool:
        """
        Store *record* if the version is still *version*; say whether it was.

        None as *version* means that there must be no live record yet. No version
        comes twice at one key, also not after the record was removed or expired.
        The new record has no claimant.
        """
        ...

    def claim(
        self, key: bytes, claimant: bytes, *, prefix: bytes, now_s: int
    ) -> tuple[bytes, bytes] | None:
        """
        Return claimant and record; the first *claimant* stays the record's.

        In one step: of two who claim at once, exactly one is the first. Who says
        the same again is told the same.

        Args:
            key: At most 64 bytes.
            claimant: At most 64 bytes, not empty.
            prefix: With what the record must begin; else it is not claimed, and
                the claimant returned is empty.
            now_s: The caller's clock.

        Returns:
            None when there is no record, or it has expired.
        """
        ...

    def remove(self, key: bytes) -> None:
        """
        Remove the record at *key*, whatever its version; nothing if there is none.
        """
        ...

    def link(
        self, key: bytes, value: bytes, *, order: int, now_s: int, expires_s: int
    ) -> None:
        """
        Let *key* lead to *value*, besides what it leads to already.

        A link that is there already gets the new order and end.

        Args:
            key: At most 64 bytes.
            value: At most 1,024 bytes.
            order: By what the values of the key are sorted; 0 or more, 53 bits.
            now_s: The caller's clock.
            expires_s: From when on the link leads nowhere.
        """
        ...

    def linked(
        self, key: bytes, *, now_s: int, until: int | None = None, limit: int = 1000
    ) -> Sequence[tuple[int, bytes]]:
        """
        Return order and value of what *key* leads to, the highest order first.

        Args:
            key: As in `link`.
            now_s: The caller's clock.
            until: The highest order that is of interest.
            limit: How many at most.
        """
        ...

    def unlink(self, key: bytes, value: bytes) -> None:
        """
        Let *key* no longer lead to *value*; nothing if it does not.
        """
        ...

    def increment(self, key: bytes, *, now_s: int, expires_s: int) -> int:
        """
        Count one more under *key*, and return how many; the first sets the end.
        """
        ...


class AsyncStore(Protocol):
    """
    As `Store`, for applications that must not wait on their event loop.

    .. versionadded:: 0.1.0
    """

    async def load(self, key: bytes, *, now_s: int) -> tuple[int, bytes] | None:
        """
        As `Store.load`.
        """
        ...

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
        ...

    async def claim(
        self, key: bytes, claimant: bytes, *, prefix: bytes, now_s: int
    ) -> tuple[bytes, bytes] | None:
        """
        As `Store.claim`.
        """
        ...

    async def remove(self, key: bytes) -> None:
        """
        As `Store.remove`.
        """
        ...

    async def link(
        self, key: bytes, value: bytes, *, order: int, now_s: int, expires_s: int
    ) -> None:
        """
        As `Store.link`.
        """
        ...

    async def linked(
        self, key: bytes, *, now_s: int, until: int | None = None, limit: int = 1000
    ) -> Sequence[tuple[int, bytes]]:
        """
        As `Store.linked`.
        """
        ...

    async def unlink(self, key: bytes, value: bytes) -> None:
        """
        As `Store.unlink`.
        """
        ...

    async def increment(self, key: bytes, *, now_s: int, expires_s: int) -> int:
        """
        As `Store.increment`.
        """
        ...
