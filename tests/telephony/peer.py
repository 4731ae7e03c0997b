"""
A small SIP peer: calls, answers, transfers and follows, over UDP and TCP.

It does what RFC 3261, 3515 and 3891 ask of a user agent, as far as calls without
media need it, keeps every message that it got as it came, and sends malformed ones
when it is told to.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from typing import Any, Self

import attrs

from cxcontext.telephony.refer_to import Dialog, parse_address

PATIENCE_S = 10
HOST = "127.0.0.1"
_NUMBERS = itertools.count(1)
_START = re.compile(r"SIP/2\.0 [1-6]\d\d |[A-Z]+ \S+ SIP/2\.0$")
_TAG = re.compile(r";\s*tag=([^;>\s]+)")


@attrs.define
class Message:
    """
    A request or a response, its headers in their order.
    """

    start: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    raw: bytes = attrs.field(default=b"", repr=False)

    @classmethod
    def parse(cls, raw: bytes) -> Message:
        """
        Return what came; lines that are folded stay in one header.
        """
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = re.split(r"\r\n(?![ \t])", head.decode("utf-8", "replace"))
        pairs = [line.partition(":") for line in lines[1:]]
        headers = [(name.strip(), value.strip()) for name, _, value in pairs]
        return cls(lines[0], headers, body, raw)

    def encode(self) -> bytes:
        """
        Return the bytes of it, with its length.
        """
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def all(self, name: str) -> list[str]:
        """
        Return every value of a name.
        """
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        """
        Return the first value of a name, or nothing.
        """
        return next(iter(self.all(name)), "")

    @property
    def method(self) -> str:
        """
        What is asked; of a response, what was.
        """
        if self.start.startswith("SIP/2.0"):
            return self.get("CSeq").split()[1]
        return self.start.split()[0]

    @property
    def status(self) -> int | None:
        """
        Of a response.
        """
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else None

    @property
    def uri(self) -> str:
        """
        The Request-URI.
        """
        return self.start.split(" ", 1)[1].rpartition(" ")[0]

    @property
    def branch(self) -> str:
        """
        Of the first Via.
        """
        return self.get("Via").partition("branch=")[2].partition(";")[0]


@attrs.define(eq=False)
class Call:
    """
    One dialog, from this peer's end.
    """

    call_id: str
    local: str
    remote: str
    target: str
    route: list[str]
    cseq: int = 1

    @property
    def dialog(self) -> Dialog:
        """
        The dialog as the peer at its other end is told of it, in ``Replaces``.
        """
        found = _TAG.search(self.remote), _TAG.search(self.local)
        assert all(found)
        return Dialog(call_id=self.call_id, to_tag=found[0][1], from_tag=found[1][1])


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.peer.arrived(data, lambda reply: self.peer.datagrams.sendto(reply, addr))


class Peer:
    """
    A user agent of one user, at a port of its own, behind a proxy or by itself.

    Args:
        user: Its user's name.
        transport: ``"udp"`` or ``"tcp"``.
        proxy: The port of the proxy, to which all requests go first.
        host: Its address.
        honours: Whether it makes headers of those in a URI that it follows, as
            pjsip does and baresip does not (RFC 3261, 19.1.5).

    Attributes:
        got: Every message that came, as it came.
        ringing: Calls that came and were answered.
        moved: A ``Contact`` with which every call is answered instead.
    """

    def __init__(
        self,
        user: str,
        *,
        transport: str = "udp",
        proxy: int | None = None,
        host: str = HOST,
        honours: bool = True,
    ) -> None:
        self.user, self.transport, self.proxy = user, transport, proxy
        self.host, self.honours = host, honours
        self.port = 0
        self.got: list[Message] = []
        self.calls: dict[str, Call] = {}
        self.ringing: asyncio.Queue[tuple[Message, Call]] = asyncio.Queue()
        self.moved: list[tuple[str, str]] = []
        self._waiting: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        self._answered: dict[tuple[str, str], bytes] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self.datagrams: Any = None

    # --- coming and going ---------------------------------------------------------

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if self.transport == "udp":
            self.datagrams, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=(self.host, 0)
            )
            self.port = self.datagrams.get_extra_info("sockname")[1]
        else:
            self._server = await asyncio.start_server(self._serve, self.host, 0)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_problem: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.datagrams is not None:
            self.datagrams.close()
        for writer in self._writers.values():
            writer.close()
        if self._server is not None:
            self._server.close()

    @property
    def address(self) -> str:
        """
        Where it is reached directly.
        """
        return f"sip:{self.user}@{self.host}:{self.port};transport={self.transport}"

    # --- what it does ---------------------------------------------------------------

    async def invite(
        self,
        uri: str,
        headers: list[tuple[str, str]] | tuple[tuple[str, str], ...] = (),
        *,
        call_id: str | None = None,
        caller: str | None = None,
        port: int | None = None,
    ) -> Call:
        """
        Call somebody, and return the dialog when he has answered.

        Raises:
            AssertionError: When he has not.
        """
        answer, request = await self.ask(
            self.invitation(uri, headers, call_id=call_id, caller=caller), port=port
        )
        assert answer.status == 200, answer.start
        call = Call(
            call_id=request.get("Call-ID"),
            local=request.get("From"),
            remote=answer.get("To"),
            target=parse_address(answer.get("Contact")).uri,
            route=answer.all("Record-Route")[::-1],
        )
        self.calls[call.call_id] = call
        await self._send(self._within(call, "ACK"), port)
        return call

    def invitation(
        self,
        uri: str,
        headers: Any = (),
        *,
        call_id: str | None = None,
        caller: str | None = None,
    ) -> Message:
        """
        Return an INVITE, to be sent or spoiled.
        """
        caller = caller or f"sip:{self.user}@{self.host}"
        number = next(_NUMBERS)
        named = {name.lower() for name, _ in headers}
        own = [
            ("From", f"<{caller}>;tag=f{number}"),
            ("To", f"<{uri.partition('?')[0]}>"),
            ("Call-ID", call_id or self.new_call_id()),
            ("CSeq", "1 INVITE"),
            ("Max-Forwards", "70"),
            ("Contact", f"<{self.address}>"),
        ]
        pairs = [pair for pair in own if pair[0].lower() not in named]
        return Message(f"INVITE {uri} SIP/2.0", [self._via(), *pairs, *headers])

    def new_call_id(self) -> str:
        """
        Return a Call-ID that nobody has.
        """
        return f"{self.user}-{next(_NUMBERS)}-{id(self)}@{self.host}"

    async def refer(self, call: Call, headers: Any) -> None:
        """
        Transfer whom a call is with, and wait until it is said how that went.
        """
        heard: asyncio.Queue[Message] = asyncio.Queue()
        self._waiting["NOTIFY", call.call_id] = heard
        answer, _ = await self.ask(self._within(call, "REFER", headers))
        assert answer.status == 202, answer.start
        async with asyncio.timeout(PATIENCE_S):
            while b"200" not in (await heard.get()).body:
                pass

    async def hang_up(self, call: Call) -> None:
        """
        End a call.
        """
        self.calls.pop(call.call_id, None)
        answer, _ = await self.ask(self._within(call, "BYE"))
        assert answer.status == 200, answer.start

    async def answered(self) -> tuple[Message, Call]:
        """
        Return the next call that came, once it was answered.
        """
        async with asyncio.timeout(PATIENCE_S):
            return await self.ringing.get()

    async def ask(
        self,
        request: Message,
        *,
        port: int | None = None,
        patience_s: float = PATIENCE_S,
    ) -> tuple[Message, Message]:
        """
        Return the final response to a request.

        Raises:
            TimeoutError: When there is none.
        """
        answers: asyncio.Queue[Message] = asyncio.Queue()
        self._waiting[request.method, request.branch] = answers
        await self._send(request, port)
        async with asyncio.timeout(patience_s):
            while (answer := await answers.get()).status < 200:
                pass
        return answer, request

    async def send(self, raw: bytes, port: int) -> None:
        """
        Send bytes as they are, malformed or not.
        """
        if self.transport == "udp":
            self.datagrams.sendto(raw, (self.host, port))
            return
        if port not in self._writers:
            reader, writer = await asyncio.open_connection(self.host, port)
            self._writers[port] = writer
            self._later(self._read(reader, writer))
        self._writers[port].write(raw)
        await self._writers[port].drain()

    # --- what comes -----------------------------------------------------------------

    def arrived(self, raw: bytes, reply: Callable[[bytes], Any]) -> None:
        """
        Take one message.
        """
        message = Message.parse(raw.lstrip())
        if not _START.match(message.start):
            return
        self.got.append(message)
        if message.status is not None:
            waiting = self._waiting.get((message.method, message.branch))
            if waiting is not None:
                waiting.put_nowait(message)
            return
        again = self._answered.get((message.method, message.branch))
        if again is not None:
            reply(again)
        elif message.method != "ACK":
            self._answer(message, reply)

    def _answer(self, request: Message, reply: Callable[[bytes], Any]) -> None:
        call = self.calls.get(request.get("Call-ID"))
        status, contact = "200 OK", [("Contact", f"<{self.address}>")]
        to = request.get("To")
        if request.method == "INVITE" and call is None:
            to += f";tag=t{next(_NUMBERS)}"
        if request.method == "REFER":
            status = "202 Accepted"
        elif request.method == "INVITE" and self.moved:
            status, contact = "302 Moved Temporarily", self.moved
        names = ("via", "from", "call-id", "cseq", "record-route")
        headers = [pair for pair in request.headers if pair[0].lower() in names]
        answer = Message(f"SIP/2.0 {status}", [*headers, ("To", to), *contact]).encode()
        self._answered[request.method, request.branch] = answer
        if request.method == "INVITE" and call is None and not self.moved:
            self._take(request, to)
        reply(answer)
        if request.method == "NOTIFY":
            heard = self._waiting.get(("NOTIFY", request.get("Call-ID")))
            if heard is not None:
                heard.put_nowait(request)
        elif request.method == "BYE":
            self.calls.pop(request.get("Call-ID"), None)
        elif request.method == "REFER" and call is not None:
            self._later(self._follow(call, request))

    def _take(self, request: Message, to: str) -> None:
        call = Call(
            call_id=request.get("Call-ID"),
            local=to,
            remote=request.get("From"),
            target=parse_address(request.get("Contact")).uri,
            route=request.all("Record-Route"),
            cseq=100,
        )
        self.calls[call.call_id] = call
        self.ringing.put_nowait((request, call))

    async def _follow(self, call: Call, refer: Message) -> None:
        address = parse_address(refer.get("Refer-To"))
        uri, headers = refer.get("Refer-To").strip("<>"), []
        if self.honours:
            uri, headers = address.uri, list(address.headers)
        else:
            # Of those in the URI only what a transfer cannot do without.
            headers = [pair for pair in address.headers if pair[0] == "Replaces"]
        if refer.get("Referred-By"):
            headers.append(("Referred-By", refer.get("Referred-By")))
        caller = parse_address(call.local).uri
        await self.invite(uri, headers, caller=caller)
        body = b"SIP/2.0 200 OK"
        event = [("Event", "refer"), ("Subscription-State", "terminated")]
        event.append(("Content-Type", "message/sipfrag"))
        notify = self._within(call, "NOTIFY", event)
        notify.body = body
        await self.ask(notify)

    # --- the wire -------------------------------------------------------------------

    def _via(self) -> tuple[str, str]:
        where = f"SIP/2.0/{self.transport.upper()} {self.host}:{self.port}"
        return "Via", f"{where};branch=z9hG4bK{self.user}{next(_NUMBERS)};rport"

    def _within(self, call: Call, method: str, headers: Any = ()) -> Message:
        if method != "ACK":
            call.cseq += 1
        return Message(
            f"{method} {call.target} SIP/2.0",
            [
                self._via(),
                *(("Route", route) for route in call.route),
                ("From", call.local),
                ("To", call.remote),
                ("Call-ID", call.call_id),
                ("CSeq", f"{call.cseq} {method}"),
                ("Max-Forwards", "70"),
                ("Contact", f"<{self.address}>"),
                *headers,
            ],
        )

    async def _send(self, message: Message, port: int | None = None) -> None:
        if port is None:
            port = self.proxy
        if port is None:
            uri = parse_address(f"<{message.uri}>").uri.partition(";")[0]
            port = int(uri.rpartition(":")[2])
        await self.send(message.encode(), port)

    async def _serve(self, reader: Any, writer: Any) -> None:
        self._writers[-next(_NUMBERS)] = writer
        await self._read(reader, writer)

    async def _read(self, reader: Any, writer: Any) -> None:
        try:
            while True:
                # RFC 3261, 7.5: line breaks before a message are none of it.
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
                body = await reader.readexactly(int(found[1]) if found else 0)
                self.arrived(head + body, writer.write)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def _later(self, doing: Any) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
