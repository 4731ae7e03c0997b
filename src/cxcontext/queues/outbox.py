"""
A transactional outbox on PostgreSQL: messages that are written with what they tell of.

A message is a row, which the caller's own transaction writes or takes back. A relay reads
rows, publishes them and deletes them: at least once, for it may die in between. Between the
two, the journey waits for the relay, which is the same department; the relay signs it anew
for whoever consumes the queue, so that the queue's time begins when the message enters it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, LiteralString, TypeAlias

import attrs
from psycopg import AsyncConnection, Connection
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier
from psycopg.types.json import Jsonb

import cxcontext as cx
from cxcontext.errors import DestinationError
from cxcontext.queues.carriers import MappingCarrier
from cxcontext.queues.messages import Messages

_SCHEMA: Final[LiteralString] = """
CREATE TABLE IF NOT EXISTS {table} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    body bytea NOT NULL,
    headers jsonb NOT NULL DEFAULT '{{}}'
)
"""
_PUT: Final[LiteralString] = (
    "INSERT INTO {table} (queue, body, headers) VALUES (%s, %s, %s)"
)
_TAKE: Final[LiteralString] = """
SELECT id, queue, body, headers FROM {table}
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_DELETE: Final[LiteralString] = "DELETE FROM {table} WHERE id = %s"


@attrs.frozen
class Waiting:
    """
    A message that is to be published.

    Attributes:
        id: Its row's. The same when it is published again, so that a broker or a
            consumer can tell.
        queue: Where it goes.
        body: What it says.
        headers: What goes with it, the journey's value included.

    .. versionadded:: 0.1.0
    """

    id: int
    queue: str
    body: bytes = attrs.field(repr=False)
    headers: dict[str, Any] = attrs.field(repr=False)


Publish: TypeAlias = Callable[[Waiting], object]
PublishAsync: TypeAlias = Callable[[Waiting], Awaitable[object]]


@attrs.frozen
class Outbox:
    """
    The messages of one department that wait to be published.

    The propagator names the outbox as a queue of the department itself, with a
    lifetime that fits: ``Destination("sales", queues=["outbox"], lifetime=...)``.

    Args:
        messages: Which department this is, and which queues reach which others; the
            same for those that write and for the relays.
        name: The outbox, as in `Destination.queues`.
        table: The table, which may have columns of its own.

    Raises:
        DestinationError: When no destination is the department's own outbox.

    .. versionadded:: 0.1.0
    """

    messages: Messages
    name: str = attrs.field(default="outbox", kw_only=True)
    table: str = attrs.field(default="outbox", kw_only=True)

    def __attrs_post_init__(self) -> None:
        propagator = self.messages.propagator
        to, department = propagator.destination_of(self.name), propagator.department
        if to is None or to.department != department.name:
            raise DestinationError(
                f"the relay is {department.name} itself: add "
                f"Destination({department.name!r}, queues=[{self.name!r}], lifetime=...)"
            )

    @property
    def schema(self) -> Composed:
        """
        The statement that makes the table, where there is none.
        """
        return self._sql(_SCHEMA)

    # --- writing -------------------------------------------------------------

    def put(
        self,
        connection: Connection[Any],
        *,
        queue: str,
        body: bytes,
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Write a message, with the current journey, in the caller's transaction.

        It is there when that is committed, and never was when it is rolled back.

        Args:
            connection: Whose transaction it is.
            queue: Where the message goes, as in `Destination.queues`.
            body: What it says.
            headers: What else goes with it; values that JSON has.

        .. versionadded:: 0.1.0
        """
        made = {**(headers or {})}
        carrier = MappingCarrier(made)
        if not self.messages.stays(carrier, queue=queue, journey=cx.current()):
            self.messages.inject(carrier, queue=self.name)
        connection.execute(self._sql(_PUT), (queue, body, Jsonb(made)))

    async def put_async(
        self,
        connection: AsyncConnection[Any],
        *,
        queue: str,
        body: bytes,
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        """
        As `put`, awaiting the database.

        .. versionadded:: 0.1.0
        """
        made = {**(headers or {})}
        carrier = MappingCarrier(made)
        if not self.messages.stays(carrier, queue=queue, journey=cx.current()):
            await self.messages.inject_async(carrier, queue=self.name)
        await connection.execute(self._sql(_PUT), (queue, body, Jsonb(made)))

    # --- publishing ----------------------------------------------------------

    def relay(self, connection: Connection[Any], publish: Publish) -> bool:
        """
        Publish the oldest message that no other relay has in hand, if there is one.

        It is signed anew for its queue's consumer. Where its journey cannot be read
        any more it is published without, and an event tells of it. What *publish*
        raises is raised, and the message stays for the next time.

        Args:
            connection: A connection of the relay's own, in no transaction.
            publish: Sends one message, and returns when the broker has it. May be
                called again with the same message, if the relay ends before it has
                been deleted.

        Returns:
            Whether there was one.

        .. versionadded:: 0.1.0
        """
        with connection.transaction():
            cursor = connection.cursor(row_factory=tuple_row)
            row = cursor.execute(self._sql(_TAKE)).fetchone()
            if row is None:
                return False
            waiting = Waiting(*row)
            carrier = MappingCarrier(waiting.headers)
            if not self.messages.stays(carrier, queue=waiting.queue):
                with self.messages.bound(carrier, message_id=_id(waiting)) as journey:
                    if journey is None or journey.problem is None:
                        self.messages.inject(carrier, queue=waiting.queue)
                    else:
                        carrier.remove(self.messages.name)
            publish(waiting)
            cursor.execute(self._sql(_DELETE), (waiting.id,))
        return True

    async def relay_async(
        self, connection: AsyncConnection[Any], publish: PublishAsync
    ) -> bool:
        """
        As `relay`, awaiting the database and the broker.

        .. versionadded:: 0.1.0
        """
        async with connection.transaction():
            cursor = connection.cursor(row_factory=tuple_row)
            await cursor.execute(self._sql(_TAKE))
            row = await cursor.fetchone()
            if row is None:
                return False
            waiting = Waiting(*row)
            carrier = MappingCarrier(waiting.headers)
            if not self.messages.stays(carrier, queue=waiting.queue):
                bound = self.messages.bound_async(carrier, message_id=_id(waiting))
                async with bound as journey:
                    if journey is None or journey.problem is None:
                        await self.messages.inject_async(carrier, queue=waiting.queue)
                    else:
                        carrier.remove(self.messages.name)
            await publish(waiting)
            await cursor.execute(self._sql(_DELETE), (waiting.id,))
        return True

    def _sql(self, statement: LiteralString) -> Composed:
        return SQL(statement).format(table=Identifier(self.table))


def _id(waiting: Waiting) -> bytes:
    return str(waiting.id).encode()
