"""
AGI, the Asterisk Gateway Interface: its lines, read with limits and written safely.

Asterisk connects, sends its environment, and answers one command after the other, each
in a line (https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Gateway-Interface-AGI/).
Its own buffer has 8,192 bytes. Whoever may connect is not Asterisk because of that: what
comes is bounded, and anything else than the protocol ends the conversation.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final

import attrs

from cxcontext.errors import UsageError
from cxcontext.telephony.call_server import MAX_LINE_BYTES, ConversationError

MAX_ENVIRONMENT_LINES: Final = 256
# "520-Invalid command syntax" is followed by the usage, in lines.
_MAX_USAGE_LINES: Final = 64

_ENTRY: Final = re.compile(r"(agi_[a-z0-9_]{1,64}): ?(.*)")
_ANSWER: Final = re.compile(r"([0-9]{3})(?: result=(-?[0-9]{1,9}))?(?: \((.*)\))?.*")
_NAME: Final = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]{0,79}")
_EXPRESSION: Final = re.compile(r"\$\{[A-Za-z0-9_(),:.-]{1,200}\}")
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f]")


@attrs.frozen
class Conversation:
    """
    One conversation with Asterisk, about one channel.

    Args:
        reader: Made with a limit of *MAX_LINE_BYTES*.
        writer: The same connection's.

    .. versionadded:: 0.1.0
    """

    _reader: asyncio.StreamReader = attrs.field(alias="reader")
    _writer: asyncio.StreamWriter = attrs.field(alias="writer")

    async def environment(self) -> Mapping[str, str]:
        """
        Return what Asterisk says first: names without ``agi_``, and values.

        Raises:
            ConversationError: When it is something else.

        .. versionadded:: 0.1.0
        """
        found: dict[str, str] = {}
        for _ in range(MAX_ENVIRONMENT_LINES):
            line = await self._line()
            if not line:
                return found
            entry = _ENTRY.fullmatch(line)
            if entry is None:
                raise ConversationError("an environment has lines of agi_name: value")
            found.setdefault(entry[1].removeprefix("agi_"), entry[2])
        raise ConversationError("an environment has an end")

    async def read(self, expression: str) -> str | None:
        """
        Return what an expression is on the channel; None where it is nothing.

        Args:
            expression: As in the dialplan: ``${CHANNEL(linkedid)}``.

        Raises:
            UsageError: When it is no such expression.
            ConversationError: When Asterisk does not answer.

        .. versionadded:: 0.1.0
        """
        if not _EXPRESSION.fullmatch(expression):
            raise UsageError("an expression is as ${CHANNEL(linkedid)}")
        value = await self._ask(f"GET FULL VARIABLE {expression}")
        return value or None

    async def set(self, name: str, value: str) -> None:
        """
        Set a variable of the channel.

        Args:
            name: Of letters, digits and ``_``; two leading ``_`` for all channels that
                come of this one.
            value: Without control characters.

        Raises:
            UsageError: When one of them is something else, or too long.
            ConversationError: When Asterisk does not answer.

        .. versionadded:: 0.1.0
        """
        if not _NAME.fullmatch(name):
            raise UsageError("a variable has a name of letters, digits and _")
        if _FORBIDDEN.search(value):
            raise UsageError("a variable's value has no control characters")
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        await self._ask(f'SET VARIABLE {name} "{quoted}"')

    async def _ask(self, command: str) -> str | None:
        raw = command.encode() + b"\n"
        if len(raw) > MAX_LINE_BYTES:
            raise UsageError(f"a command has {MAX_LINE_BYTES} bytes at most")
        try:
            self._writer.write(raw)
            await self._writer.drain()
        except OSError:
            raise ConversationError("the connection is gone") from None
        line = await self._line()
        while line == "HANGUP":
            # Said in between; what was asked is still answered.
            line = await self._line()
        if line.startswith("520-"):
            for _ in range(_MAX_USAGE_LINES):
                if (await self._line()).startswith("520 "):
                    return None
            raise ConversationError("usage has an end")
        answer = _ANSWER.fullmatch(line)
        if answer is None:
            raise ConversationError("an answer is as 200 result=1 (value)")
        # 510 and 511: not known, or not on a dead channel.
        return answer[3] if answer[1] == "200" and answer[2] == "1" else None

    async def _line(self) -> str:
        try:
            raw = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            raise ConversationError("a line has an end") from None
        return raw.rstrip(b"\r\n").decode("utf-8", errors="replace")
