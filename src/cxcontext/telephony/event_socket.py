"""
FreeSWITCH's event socket, outbound: its blocks, read with limits and written safely.

FreeSWITCH connects, is told ``connect``, and answers with the channel's data; what is told
and answered are blocks of lines that end with an empty one
(https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Client-and-Developer-Interfaces/Event-Socket-Library).
It expands ``${...}`` in what an application is given, commands included: so nothing goes
there that somebody else has written.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import attrs

from cxcontext.errors import UsageError
from cxcontext.telephony.call_server import ConversationError

MAX_BLOCK_LINES: Final = 1_024

_LINE: Final = re.compile(r"([A-Za-z0-9_.-]{1,256}): ?(.*)")
_APPLICATION: Final = re.compile(r"[a-z_]{1,64}")
_ARGUMENT: Final = re.compile(r"[A-Za-z0-9_.:;=% -]{0,1024}")


@attrs.frozen
class Channel:
    """
    One conversation with FreeSWITCH, about one channel.

    Args:
        reader: Made with a limit.
        writer: The same connection's.

    .. versionadded:: 0.1.0
    """

    _reader: asyncio.StreamReader = attrs.field(alias="reader")
    _writer: asyncio.StreamWriter = attrs.field(alias="writer")

    async def connect(self) -> Mapping[str, str]:
        """
        Return the channel's data, unescaped.

        Raises:
            ConversationError: When it is something else.

        .. versionadded:: 0.1.0
        """
        return await self._ask("connect\n\n")

    async def execute(self, application: str, argument: str) -> None:
        """
        Let the channel execute an application of the dialplan.

        Args:
            application: Its name.
            argument: Letters, digits, blanks and ``_.:;=%-``: nothing is expanded.

        Raises:
            UsageError: When one of them is something else.
            ConversationError: When FreeSWITCH does not answer.

        .. versionadded:: 0.1.0
        """
        if not _APPLICATION.fullmatch(application) or not _ARGUMENT.fullmatch(argument):
            raise UsageError("an application is given nothing that would be expanded")
        await self._ask(
            "sendmsg\ncall-command: execute\n"
            f"execute-app-name: {application}\nexecute-app-arg: {argument}\n"
            "event-lock: true\n\n"
        )

    async def leave(self) -> None:
        """
        Say that nothing more comes; with ``socket_resume`` the dialplan goes on.

        .. versionadded:: 0.1.0
        """
        await self._ask("exit\n\n")

    async def _ask(self, command: str) -> Mapping[str, str]:
        try:
            self._writer.write(command.encode())
            await self._writer.drain()
        except OSError:
            raise ConversationError("the connection is gone") from None
        block = await self._block()
        if block.get("Content-Type") != "command/reply":
            # A notice that the caller has hung up, most of all.
            raise ConversationError("an answer is a command/reply")
        return block

    async def _block(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for _ in range(MAX_BLOCK_LINES):
            line = await self._line()
            if not line:
                return found
            entry = _LINE.fullmatch(line)
            if entry is None:
                raise ConversationError("a block has lines of name: value")
            found.setdefault(entry[1], unquote(entry[2]))
        raise ConversationError("a block has an end")

    async def _line(self) -> str:
        try:
            raw = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            raise ConversationError("a line has an end") from None
        return raw.rstrip(b"\r\n").decode("utf-8", errors="replace")
