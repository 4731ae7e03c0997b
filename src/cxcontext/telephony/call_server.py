"""
A server that an exchange connects to, once for each call.

Neither FastAGI nor FreeSWITCH's event socket has passwords: whoever may connect may
redeem. So only named networks may, and none but this machine unless others are named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

import attrs

from cxcontext.errors import CXContextError, UsageError

THIS_MACHINE: Final = ("127.0.0.0/8", "::1/128")
# Asterisk's buffer; lines of both protocols are shorter.
MAX_LINE_BYTES: Final = 8_192


class ConversationError(CXContextError):
    """
    The other side does not speak the protocol, or has hung up.

    .. versionadded:: 0.1.0
    """


def _networks(peers: Collection[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(map(ip_network, peers))
    except ValueError:
        raise UsageError("peers are networks, such as 10.0.0.0/8") from None


def _positive(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if value <= 0:
        raise UsageError(f"{attribute.name} is more than 0")


@attrs.define(kw_only=True)
class CallServer:
    """
    Answers about calls, so many at once, each within its time.

    Args:
        answer: Speaks with the exchange about one call.
        peers: The networks from which it may connect.
        calls: How many are answered at once; one more is closed.
        timeout_s: How long one may take altogether.

    Raises:
        UsageError: When one of them is not what it is to be.

    .. versionadded:: 0.1.0
    """

    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    peers: tuple[IPv4Network | IPv6Network, ...] = attrs.field(converter=_networks)
    calls: int = attrs.field(validator=_positive)
    timeout_s: float = attrs.field(validator=_positive)
    _answered: int = attrs.field(init=False, default=0)

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """
        Return a server that listens; ``async with`` ends it.
        """
        return await asyncio.start_server(self._one, host, port, limit=MAX_LINE_BYTES)

    async def _one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            # More of them would only wait, and so would their callers.
            if self._is_peer(writer) and self._answered < self.calls:
                self._answered += 1
                try:
                    async with asyncio.timeout(self.timeout_s):
                        await self.answer(reader, writer)
                finally:
                    self._answered -= 1
        except (ConversationError, TimeoutError):
            # The call goes on without.
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _is_peer(self, writer: asyncio.StreamWriter) -> bool:
        name = writer.get_extra_info("peername")
        if not name:
            return False
        address = ip_address(name[0].partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.peers)
