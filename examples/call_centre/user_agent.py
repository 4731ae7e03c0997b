"""
A telephone without sound: it calls, answers, presses keys, transfers and follows.

What RFC 3261 asks of a user agent over UDP behind one proxy, and of RFC 3515 (REFER)
and RFC 3891 (Replaces) what transfers need. Keys are sent as most desk phones without
sound do: INFO with ``application/dtmf-relay``, one digit each.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Sequence
from typing import Any, Self

import attrs
from sip_message import Message, tag

from cxcontext.telephony.refer_to import Dialog, parse_address, parse_replaces

HOST = "127.0.0.1"
# RFC 3261, 17.1.1.1: T1, and how long a request is sent again at most.
T1_S = 0.5
PATIENCE_S = 32
_SIGNAL = re.compile(r"(?im)^Signal\s*=\s*([0-9*#])\s*$")

Headers = Sequence[tuple[str, str]]


@attrs.define(eq=False)
class Call:
    """
    One dialog, from this telephone's end.
    """

    call_id: str
    local: str
    remote: str
    target: str
    route: tuple[str, ...]
    cseq: int = 1
    digits: asyncio.Queue[str] = attrs.field(factory=asyncio.Queue)
    progress: asyncio.Queue[Message] = attrs.field(factory=asyncio.Queue)
    ended: asyncio.Event = attrs.field(factory=asyncio.Event)

    @property
    def own_tag(self) -> str:
        """
        Which this telephone has made for the call.
        """
        return tag(self.local)

    @property
    def dialog(self) -> Dialog:
        """
        The dialog as ``Replaces`` names it to whom it is with.
        """
        return Dialog(
            call_id=self.call_id, to_tag=tag(self.remote), from_tag=self.own_tag
        )


class CallFailedError(Exception):
    """
    Somebody did not do what was asked, or did not answer.
    """


class UserAgent(asyncio.DatagramProtocol):
    """
    The telephone of one user.

    Args:
        user: The user's name or number.
        port: Its own.
        proxy: The proxy's, to which all requests go.

    Attributes:
        answered: Calls that came, each with its INVITE.
        followed: Calls that this telephone made since it was referred there.
    """

    def __init__(self, user: str, *, port: int, proxy: int) -> None:
        self.user, self.port, self.proxy = user, port, proxy
        self.answered: asyncio.Queue[tuple[Message, Call]] = asyncio.Queue()
        self.followed: asyncio.Queue[Call] = asyncio.Queue()
        self._calls: dict[str, Call] = {}
        self._waiting: dict[tuple[str, str], asyncio.Future[Message]] = {}
        self._replies: dict[tuple[str, str], bytes] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wire: asyncio.DatagramTransport

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._wire, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(HOST, self.port)
        )
        return self

    async def __aexit__(self, *_problem: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._wire.close()

    # --- what its user does ---------------------------------------------------------

    async def call(
        self, uri: str, headers: Headers = (), *, call_id: str | None = None
    ) -> Call:
        """
        Call somebody, and return the dialog when it was answered.
        """
        request = Message(
            f"INVITE {uri} SIP/2.0",
            (
                self._via(),
                ("From", f"<sip:{self.user}@{HOST}>;tag={secrets.token_hex(8)}"),
                ("To", f"<{uri}>"),
                ("Call-ID", call_id or new_call_id()),
                ("CSeq", "1 INVITE"),
                ("Max-Forwards", "70"),
                self._contact(),
                *headers,
            ),
        )
        answer = await self._ask(request)
        call = Call(
            call_id=request.get("Call-ID"),
            local=request.get("From"),
            remote=answer.get("To"),
            target=_uri(answer.get("Contact")),
            route=answer.all("Record-Route")[::-1],
        )
        self._calls[call.call_id] = call
        self._send(self._within(call, "ACK"))
        return call

    async def press(self, call: Call, digits: str) -> None:
        """
        Press keys, one after the other.
        """
        for digit in digits:
            await self._ask(
                self._within(
                    call,
                    "INFO",
                    [("Content-Type", "application/dtmf-relay")],
                    body=f"Signal={digit}\r\nDuration=160\r\n",
                )
            )

    async def refer(self, call: Call, headers: Headers) -> None:
        """
        Transfer whom a call is with, and wait until the new call was answered.

        Raises:
            CallFailedError: When it was not: the call here goes on.
        """
        await self._ask(self._within(call, "REFER", headers))
        status = "100"
        # The other end gives up within PATIENCE_S, and then has to say so.
        async with asyncio.timeout(2 * PATIENCE_S):
            while status.startswith("1"):
                # RFC 3515, 2.4.5: a NOTIFY has the first line of the response.
                status = (await call.progress.get()).body.removeprefix("SIP/2.0 ")
        if not status.startswith("200"):
            raise CallFailedError("REFER: the new call was not answered")

    async def hang_up(self, call: Call) -> None:
        """
        End a call.
        """
        if not call.ended.is_set():
            call.ended.set()
            await self._ask(self._within(call, "BYE"))

    # --- what comes -----------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """
        Take one message; what is none is nobody's.
        """
        message = Message.parse(data)
        if message is None:
            return
        if message.status is not None:
            waiting = self._waiting.get(message.transaction)
            if waiting is not None and not waiting.done() and message.status >= 200:
                waiting.set_result(message)
        elif message.method != "ACK":
            # Over UDP a request comes again until its answer has arrived.
            reply = self._replies.get(message.transaction)
            if reply is None:
                reply = self._replies[message.transaction] = self._answer(message)
            self._wire.sendto(reply, addr)

    def _answer(self, request: Message) -> bytes:
        call = self._calls.get(request.get("Call-ID"))
        status, to = "200 OK", request.get("To")
        if request.method == "INVITE" and call is None:
            to += f";tag={secrets.token_hex(8)}"
            self._take(request, to)
        elif call is None:
            status = "481 Call/Transaction Does Not Exist"
        elif request.method == "REFER":
            status = "202 Accepted"
            self._later(self._follow(call, request))
        elif request.method == "NOTIFY":
            call.progress.put_nowait(request)
        elif request.method == "INFO":
            if found := _SIGNAL.search(request.body):
                call.digits.put_nowait(found[1])
        elif request.method == "BYE":
            call.ended.set()
        names = {"via", "from", "call-id", "cseq", "record-route"}
        headers = [pair for pair in request.headers if pair[0].lower() in names]
        return Message(
            f"SIP/2.0 {status}", (*headers, ("To", to), self._contact())
        ).encode()

    def _take(self, invite: Message, to: str) -> None:
        call = Call(
            call_id=invite.get("Call-ID"),
            local=to,
            remote=invite.get("From"),
            target=_uri(invite.get("Contact")),
            route=invite.all("Record-Route"),
        )
        self._calls[call.call_id] = call
        self.answered.put_nowait((invite, call))
        # RFC 3891, 3: the dialog whose place it takes is over.
        replaces = parse_replaces(invite.get("Replaces"))
        replaced = replaces and self._calls.get(replaces.call_id)
        if replaced:
            self._later(self.hang_up(replaced))

    async def _follow(self, call: Call, refer: Message) -> None:
        address = parse_address(refer.get("Refer-To"))
        if address is None:
            return
        # RFC 3261, 19.1.5: what stands in the URI becomes headers of the new request.
        referred = [("Referred-By", refer.get("Referred-By") or call.remote)]
        result = "200 OK"
        try:
            new = await self.call(address.uri, [*address.headers, *referred])
        except CallFailedError:
            result = "503 Service Unavailable"
        else:
            self.followed.put_nowait(new)
        notify = self._within(
            call,
            "NOTIFY",
            [
                ("Event", "refer"),
                ("Subscription-State", "terminated;reason=noresource"),
                ("Content-Type", "message/sipfrag"),
            ],
            body=f"SIP/2.0 {result}\r\n",
        )
        await self._ask(notify)

    # --- the wire -------------------------------------------------------------------

    async def _ask(self, request: Message) -> Message:
        """
        Return the final response, sending the request again until there is one.
        """
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[request.transaction] = answer
        wait_s = T1_S
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not answer.done():
                    self._send(request)
                    await asyncio.wait([answer], timeout=wait_s)
                    wait_s *= 2
        except TimeoutError:
            raise CallFailedError(f"no answer to {request.method}") from None
        finally:
            del self._waiting[request.transaction]
        response = answer.result()
        if response.status is None or response.status >= 300:
            raise CallFailedError(f"{request.method}: {response.status}")
        return response

    def _within(
        self, call: Call, method: str, headers: Headers = (), *, body: str = ""
    ) -> Message:
        if method != "ACK":
            call.cseq += 1
        return Message(
            f"{method} {call.target} SIP/2.0",
            (
                self._via(),
                *(("Route", route) for route in call.route),
                ("From", call.local),
                ("To", call.remote),
                ("Call-ID", call.call_id),
                ("CSeq", f"{1 if method == 'ACK' else call.cseq} {method}"),
                ("Max-Forwards", "70"),
                self._contact(),
                *headers,
            ),
            body,
        )

    def _send(self, message: Message) -> None:
        self._wire.sendto(message.encode(), (HOST, self.proxy))

    def _via(self) -> tuple[str, str]:
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        return "Via", f"SIP/2.0/UDP {HOST}:{self.port};branch={branch};rport"

    def _contact(self) -> tuple[str, str]:
        return "Contact", f"<sip:{self.user}@{HOST}:{self.port}>"

    def _later(self, doing: Any) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def new_call_id() -> str:
    """
    Return a Call-ID that nobody has.
    """
    return f"{secrets.token_hex(12)}@{HOST}"


def _uri(contact: str) -> str:
    address = parse_address(contact)
    if address is None:
        raise CallFailedError("a Contact that is none")
    return address.uri
