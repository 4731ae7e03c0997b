"""
FreeSWITCH: an event socket that finds a call's journey, and keeps headers from leaking.

``sip_copy_custom_headers`` is on by default: what came in ``X-...`` goes out to whomever
the call is bridged to, a carrier as well (mod_sofia). So every call that is answered here
has it switched off and what came taken away; the next leg gets a reference of its own, by
``export``, which the leg itself does not see.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import attrs

import cxcontext as cx
from cxcontext.errors import UnavailableError, UsageError, VerificationError
from cxcontext.homes import CallKey
from cxcontext.telephony.call_server import (
    THIS_MACHINE,
    CallServer,
    ConversationError,
)
from cxcontext.telephony.event_socket import Channel
from cxcontext.telephony.ladder import Ladder, Leg, Resolved, leg_of
from cxcontext.telephony.platforms import REFERENCE_HEADERS
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Kind, Transfers

# As FreeSWITCH's own examples of outbound sockets.
PORT: Final = 8084
# Under which name the dialplan says who is next, and what was typed.
TO: Final = "variable_cx_to"
TYPED: Final = "variable_cx_typed"

_HEADER: Final = "variable_sip_h_"
# Repeated headers have -1, -2 behind their names.
_REPEATED: Final = re.compile(r"-[0-9]{1,2}\Z")
_OURS: Final = frozenset({"user-to-user", "x-user-to-user", *REFERENCE_HEADERS})


class EventSocket:
    """
    Answers FreeSWITCH about calls.

    Variables that are set: ``cx_outcome`` (``found``, ``none``, ``refused``,
    ``conflict``); when found ``cx_rung``, ``cx_arrival``, and ``cx_known`` and ``cx_ask``,
    the names of the fields that need not and must be asked, with blanks between; when
    refused ``cx_code``. Where the dialplan has set ``cx_to`` to a department, the next
    leg's headers are exported instead, and ``cx_outcome`` is ``ready``.

    Args:
        ladder: How journeys are found.
        needs: The fields that the dialplan would ask.
        transfers: How the next leg's reference is minted.
        trusted: Whether all SIP peers of this FreeSWITCH are ours; as of `Leg`.
        exchange: What to call it, where several share a store.
        peers: The networks from which it may connect.
        calls: How many may be answered at once.
        timeout_s: How long one may take altogether.

    Raises:
        UsageError: When one of them is not what it is to be.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        ladder: Ladder[Any],
        *,
        needs: Collection[cx.Key[Any, Any]] = (),
        transfers: Transfers | None = None,
        trusted: bool = False,
        exchange: str = "freeswitch",
        peers: Collection[str] = THIS_MACHINE,
        calls: int = 256,
        timeout_s: float = 5.0,
    ) -> None:
        self._ladder, self._transfers = ladder, transfers
        self._needs = tuple(needs)
        self._trusted, self._exchange = trusted, exchange
        self._server = CallServer(
            answer=self._answer, peers=peers, calls=calls, timeout_s=timeout_s
        )

    def __repr__(self) -> str:
        return f"<EventSocket of {self._ladder.department.name}>"

    async def serve(self, host: str = "127.0.0.1", port: int = PORT) -> asyncio.Server:
        """
        Return a server that listens; ``async with`` ends it.
        """
        return await self._server.serve(host, port)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        channel = Channel(reader, writer)
        data = await channel.connect()
        # First, so that nothing leaks whatever happens then.
        await channel.execute("set", "sip_copy_custom_headers=false")
        for name in data:
            header = name.removeprefix(_HEADER)
            if header != name and _REPEATED.sub("", header).lower() in _OURS:
                await channel.execute("unset", f"sip_h_{header}")
        leg = self._leg(data)
        resolved = await self._ladder.resolve_async(leg)
        to = data.get(TO)
        if to:
            said, headers = await self._handed_over(resolved, to, leg)
            for name, value in headers.items():
                await channel.execute("export", f"nolocal:sip_h_{name}={value}")
        else:
            said = self._found(resolved)
        for name, value in said.items():
            await channel.execute("set", f"{name}={value}")
        await channel.leave()

    def _leg(self, data: Mapping[str, str]) -> Leg:
        unique_id = data.get("Unique-ID", "")
        if not unique_id:
            raise ConversationError("a channel has an id")
        headers = [
            (_REPEATED.sub("", name.removeprefix(_HEADER)), value)
            for name, value in data.items()
            if name.startswith(_HEADER)
        ]
        headers.append(("Call-ID", data.get("variable_sip_call_id", "")))
        replaces = data.get("variable_sip_replaces_call_id")
        if replaces:
            headers.append(("Replaces", replaces))
        ids = [CallKey(self._exchange, "channel", unique_id)]
        call_uuid = data.get("variable_call_uuid") or data.get("Channel-Call-UUID")
        if call_uuid:
            ids.append(call_key(call_uuid, exchange=self._exchange))
        leg = leg_of(
            read(headers, request_uri=data.get("variable_sip_req_uri", "")),
            lease=f"{self._exchange} {unique_id}",
            trusted=self._trusted,
            exchange=self._exchange,
            ids=ids,
            code=data.get(TYPED) or None,
        )
        return attrs.evolve(
            leg,
            line=data.get("Caller-Destination-Number") or leg.line,
            caller=data.get("Caller-Caller-ID-Number") or leg.caller,
        )

    def _found(self, resolved: Resolved[Any]) -> dict[str, str]:
        journey = resolved.journey
        if resolved.rung is None or journey is None:
            return _missed(resolved)
        needed = journey.needs(*self._needs)
        return {
            "cx_outcome": "found",
            "cx_rung": resolved.rung.value,
            "cx_arrival": journey.arrival.name.lower(),
            "cx_known": " ".join(key.name for key in needed.known),
            "cx_ask": " ".join(key.name for key in needed.to_ask),
        }

    async def _handed_over(
        self, resolved: Resolved[Any], to: str, leg: Leg
    ) -> tuple[dict[str, str], Mapping[str, str]]:
        if self._transfers is None:
            raise ConversationError("nothing is handed over here")
        journey, needs = resolved.journey, self._needs
        if resolved.rung is None or journey is None:
            return _missed(resolved), {}
        try:
            asks = self._transfers.fit(journey, to=to, needs=needs).will_ask
            transfer = await self._transfers.transfer_async(
                journey,
                to=to,
                kind=Kind.BRIDGE,
                parent=resolved.reference,
                keys=[key for key in leg.ids if key.kind == "call"],
            )
        except (VerificationError, UnavailableError, UsageError) as problem:
            return {"cx_outcome": "refused", "cx_code": _code(problem)}, {}
        said = {"cx_outcome": "ready", "cx_ask": " ".join(asks)}
        return said, dict(transfer.headers)


def call_key(call_uuid: str, *, exchange: str = "freeswitch") -> CallKey:
    """
    Return the key of all channels of a call: ``call_uuid``.

    .. versionadded:: 0.1.0
    """
    return CallKey(exchange, "call", call_uuid)


def _missed(resolved: Resolved[Any]) -> dict[str, str]:
    if resolved.conflict:
        return {"cx_outcome": "conflict"}
    if not resolved.refusals:
        return {"cx_outcome": "none"}
    problem = resolved.refusals[-1].problem
    return {"cx_outcome": "refused", "cx_code": _code(problem)}


def _code(problem: Exception) -> str:
    return str(getattr(problem, "code", "unavailable"))
