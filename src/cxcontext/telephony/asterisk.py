"""
Asterisk: a FastAGI server that finds a call's journey, and what AMI and ARI are sent.

The dialplan calls ``AGI(agi://host/resolve)`` when a call comes in and
``AGI(agi://host/transfer,department)`` before it goes on. FastAGI has no passwords:
whoever may connect may redeem, so only named networks may, and none but this machine
unless others are named.

AMI discards lines of more than 1,024 bytes and takes 128 headers in an action; in the
dialplan a comma separates (Asterisk 22.7.0, ``manager.c``). A reference has nothing that
needs escaping anywhere.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import attrs

import cxcontext as cx
from cxcontext.errors import UnavailableError, UsageError, VerificationError
from cxcontext.homes import CallKey, Reference
from cxcontext.telephony.agi import Conversation
from cxcontext.telephony.call_server import (
    THIS_MACHINE,
    CallServer,
    ConversationError,
)
from cxcontext.telephony.ladder import Ladder, Leg, Resolved, leg_of
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Kind, Transfer, Transfers

# Asterisk, FastAGI: AGI_PORT.
PORT: Final = 4573
MAX_AMI_LINE_BYTES: Final = 1_024
MAX_AMI_HEADERS: Final = 128
# A command has twice as many, and each of them may be escaped.
MAX_VALUE_BYTES: Final = 4_000
# Of this machine's own leg; the next one's.
VARIABLE: Final = "CXREF"
NEXT_VARIABLE: Final = "__CXREF"

_HEADERS: Final = (
    *((name, 1) for name in ("X-Customer-Context", "x-User-To-User")),
    *(("User-to-User", which) for which in (1, 2)),
    *((name, 1) for name in ("Replaces", "Referred-By", "Session-ID", "To")),
)
_AMI_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f]")


class FastAGI:
    """
    Answers Asterisk about calls.

    Variables that ``resolve`` sets: ``CX_OUTCOME`` (``found``, ``none``, ``refused``,
    ``conflict``); when found ``CX_RUNG``, ``CX_ARRIVAL``, and ``CX_KNOWN`` and ``CX_ASK``,
    the names of the fields that need not and must be asked, with blanks between; when
    refused ``CX_CODE``. ``transfer`` sets ``CX_OUTCOME`` to ``ready`` and ``__CXREF``,
    which the next channel inherits, to a reference of its own.

    Args:
        ladder: How journeys are found.
        needs: The fields that the dialplan would ask.
        transfers: How the next leg's reference is minted.
        variables: Values that the dialplan may see, by the name of a variable; text
            only, of one line and at most 4,000 bytes. Whatever is in a variable stands
            in CDRs and on consoles.
        trusted: Whether all SIP peers of this Asterisk are ours; as of `Leg`.
        exchange: What to call this Asterisk, where several share a store.
        peers: The networks from which Asterisk may connect.
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
        variables: Mapping[str, cx.Key[Any, str]] | None = None,
        trusted: bool = False,
        exchange: str = "asterisk",
        peers: Collection[str] = THIS_MACHINE,
        calls: int = 256,
        timeout_s: float = 5.0,
    ) -> None:
        self._ladder, self._transfers = ladder, transfers
        self._needs, self._variables = tuple(needs), dict(variables or {})
        self._trusted, self._exchange = trusted, exchange
        self._server = CallServer(
            answer=self._answer, peers=peers, calls=calls, timeout_s=timeout_s
        )

    def __repr__(self) -> str:
        return f"<FastAGI of {self._ladder.department.name}>"

    async def serve(self, host: str = "127.0.0.1", port: int = PORT) -> asyncio.Server:
        """
        Return a server that listens; ``async with`` ends it.
        """
        return await self._server.serve(host, port)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        channel = Conversation(reader, writer)
        environment = await channel.environment()
        script = environment.get("network_script", "").partition("?")[0].strip("/")
        if script not in ("resolve", "transfer"):
            raise ConversationError("the scripts are resolve and transfer")
        leg = await self._leg(channel, environment)
        resolved = await self._ladder.resolve_async(leg)
        if script == "transfer":
            said = await self._handed_over(resolved, environment.get("arg_1", ""), leg)
        else:
            said = self._found(resolved)
        for name, value in said.items():
            await channel.set(name, value)

    async def _leg(self, channel: Conversation, environment: Mapping[str, str]) -> Leg:
        unique_id = environment.get("uniqueid", "")
        if not unique_id:
            raise ConversationError("a channel has an id")
        headers = [("X-Customer-Context", await channel.read(f"${{{VARIABLE}}}"))]
        for name, which in _HEADERS:
            expression = f"${{PJSIP_HEADER(read,{name},{which})}}"
            headers.append((name, await channel.read(expression)))
        headers.append(("Call-ID", await channel.read("${CHANNEL(pjsip,call-id)}")))
        linked_id = await channel.read("${CHANNEL(linkedid)}")
        ids = [channel_key(unique_id, exchange=self._exchange)]
        if linked_id is not None:
            ids.append(linked_key(linked_id, exchange=self._exchange))
        leg = leg_of(
            read((name, value) for name, value in headers if value is not None),
            lease=f"{self._exchange} {unique_id}",
            trusted=self._trusted,
            exchange=self._exchange,
            ids=ids,
            code=await channel.read("${CX_TYPED}"),
        )
        known = {k: v for k, v in environment.items() if v and v != "unknown"}
        return attrs.evolve(
            leg,
            line=known.get("dnid") or known.get("extension") or leg.line,
            caller=leg.caller or known.get("callerid"),
        )

    def _found(self, resolved: Resolved[Any]) -> Mapping[str, str]:
        journey = resolved.journey
        if resolved.rung is None or journey is None:
            return _missed(resolved)
        needed = journey.needs(*self._needs)
        said = {
            "CX_OUTCOME": "found",
            "CX_RUNG": resolved.rung.value,
            "CX_ARRIVAL": journey.arrival.name.lower(),
            "CX_KNOWN": " ".join(key.name for key in needed.known),
            "CX_ASK": " ".join(key.name for key in needed.to_ask),
        }
        for name, key in self._variables.items():
            value = journey.recall(key)
            # A line break would be another command, and what is too long none.
            if (
                isinstance(value, str)
                and not _FORBIDDEN.search(value)
                and len(value.encode()) <= MAX_VALUE_BYTES
            ):
                said[name] = value
        return said

    async def _handed_over(
        self, resolved: Resolved[Any], to: str, leg: Leg
    ) -> Mapping[str, str]:
        if self._transfers is None:
            raise ConversationError("nothing is handed over here")
        if resolved.rung is None or resolved.journey is None:
            return _missed(resolved)
        needs = self._needs
        try:
            asks = self._transfers.fit(resolved.journey, to=to, needs=needs).will_ask
            transfer = await self._transfers.transfer_async(
                resolved.journey,
                to=to,
                kind=Kind.BRIDGE,
                parent=resolved.reference,
                keys=[key for key in leg.ids if key.kind == "linkedid"],
            )
        except (VerificationError, UnavailableError, UsageError) as problem:
            return {"CX_OUTCOME": "refused", "CX_CODE": _code(problem)}
        return {
            "CX_OUTCOME": "ready",
            "CX_ASK": " ".join(asks),
            NEXT_VARIABLE: str(transfer.reference),
        }


def channel_key(unique_id: str, *, exchange: str = "asterisk") -> CallKey:
    """
    Return the key of a channel.

    .. versionadded:: 0.1.0
    """
    return CallKey(exchange, "uniqueid", unique_id)


def linked_key(linked_id: str, *, exchange: str = "asterisk") -> CallKey:
    """
    Return the key of all channels that belong together.

    .. versionadded:: 0.1.0
    """
    return CallKey(exchange, "linkedid", linked_id)


def ami_action(name: str, fields: Sequence[tuple[str, str]]) -> bytes:
    """
    Return an action as it is sent to the Asterisk Manager Interface.

    >>> ami_action("Ping", [("ActionID", "7")])
    b'Action: Ping\\r\\nActionID: 7\\r\\n\\r\\n'

    Args:
        name: The action's.
        fields: Names and values, in order; names may be repeated.

    Raises:
        UsageError: When a value has a control character, which could begin another
            action, or Asterisk would discard a line.

    .. versionadded:: 0.1.0
    """
    lines = [("Action", name), *fields]
    if len(lines) > MAX_AMI_HEADERS:
        raise UsageError(f"an action has {MAX_AMI_HEADERS} headers at most")
    text = b""
    for field, value in lines:
        if not _AMI_NAME.fullmatch(field) or _FORBIDDEN.search(value):
            raise UsageError("an action has names of letters, and values of one line")
        line = f"{field}: {value}\r\n".encode()
        if len(line) > MAX_AMI_LINE_BYTES:
            raise UsageError(
                f"Asterisk discards a line over {MAX_AMI_LINE_BYTES} bytes"
            )
        text += line
    return text + b"\r\n"


def originate_variables(transfer: Transfer) -> dict[str, str]:
    """
    Return the variables of a call that is originated: ``variables`` of ARI, and
    ``Variable`` of AMI's Originate, each as ``name=value``.

    The reference is inherited by every channel that comes of this one, and the how-to's
    pre-dial handler writes it into the header.

    .. versionadded:: 0.1.0
    """
    return {NEXT_VARIABLE: str(transfer.reference)}


def dial_header(reference: Reference | str) -> tuple[str, str]:
    """
    Return name and value of the variable that adds the header to a channel of PJSIP.

    It acts on the channel that calls out, so it belongs into a pre-dial handler or the
    *variables* of ARI's originate, never onto the caller's own channel.

    .. versionadded:: 0.1.0
    """
    return "PJSIP_HEADER(add,X-Customer-Context)", str(reference)


def _missed(resolved: Resolved[Any]) -> Mapping[str, str]:
    if resolved.conflict:
        return {"CX_OUTCOME": "conflict"}
    if not resolved.refusals:
        return {"CX_OUTCOME": "none"}
    problem = resolved.refusals[-1].problem
    return {"CX_OUTCOME": "refused", "CX_CODE": _code(problem)}


def _code(problem: Exception) -> str:
    return str(getattr(problem, "code", "unavailable"))
