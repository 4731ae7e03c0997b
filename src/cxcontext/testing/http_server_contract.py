"""
What every adapter for HTTP servers keeps besides.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

from cxcontext.testing.server_contract import Ask, ServerContract
from cxcontext.testing.shop import (
    NAME,
    NOBODY,
    PATIENCE_S,
    REFUSED,
    Answer,
    Headers,
    Process,
    ensure,
    expect,
)
from cxcontext.web import http


class HTTPServerContract(ServerContract):
    """
    For HTTP: its refusal, its caches and its proxies.

    `connect`, `leave` and `code_of_refusal` are done; an adapter's test gives
    `serving`.

    .. versionadded:: 0.1.0
    """

    @contextmanager
    def connect(self, origin: str) -> Generator[Ask]:
        """
        Ask with the standard library's client, which changes no header.
        """
        address = urlsplit(origin)
        connection = HTTPConnection(
            str(address.hostname), address.port, timeout=PATIENCE_S
        )

        def ask(path: str, headers: Headers) -> Answer:
            connection.putrequest("GET", path)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            body = response.read()
            if response.status >= 500:
                # Some servers close the connection after it, and do not say so.
                connection.close()
            return Answer(response.status, response.getheaders(), body)

        try:
            yield ask
        finally:
            connection.close()

    def leave(self, origin: str, headers: Headers) -> None:
        """
        Close the connection in the midst of a response.
        """
        address = urlsplit(origin)
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
        where = (str(address.hostname), address.port or 80)
        with socket.create_connection(where, timeout=PATIENCE_S) as raw:
            head = f"GET /stream HTTP/1.1\r\nHost: {address.netloc}\r\n"
            raw.sendall(f"{head}{fields}\r\n".encode())
            found = b""
            while NAME.encode() not in found:
                more = raw.recv(4096)
                if not more:
                    raise AssertionError("the stream ended before its first part")
                found += more

    def code_of_refusal(self, answer: Answer) -> str:
        """
        A refusal is 400 with RFC 9457 details, which nobody may keep.
        """
        kinds = [v.partition(";")[0] for v in answer.values("Content-Type")]
        expect((400, [http.PROBLEM_TYPE]), (answer.status, kinds))
        expect(["private, no-store"], answer.values("Cache-Control"))
        details = json.loads(answer.body)
        expect((400, "about:blank"), (details["status"], details["type"]))
        return str(details["code"])

    def test_the_name_has_no_case(self) -> None:
        """
        However the field's name is written, it is the field.
        """
        _, value = self._pair()
        for name in (self.name.lower(), self.name.upper()):
            with self._asking() as (ask, _, _billing):
                expect(NAME.encode(), ask("/answer", [(name, value)]).body)

    def test_the_underscore_twin_never_wins(self) -> None:
        """
        The spelling with an underscore, which proxies do not strip, replaces nothing.

        Where a server tells the two apart the twin is never read; where it folds
        them, both are refused.
        """
        twin = self.name.replace("-", "_")
        _, smuggled = self._pair(Process().begin("Mallory"))
        for headers in (
            [self._pair(), (twin, smuggled)],
            [(twin, smuggled), self._pair()],
        ):
            with self._asking() as (ask, _, _billing):
                body = ask("/answer", headers).body
                ensure(body in (NAME.encode(), REFUSED), f"the twin gave {body!r}")

    def test_the_edge_strips_both_spellings(self) -> None:
        """
        At the public edge the handler sees neither, and serves nobody.
        """
        _, value = self._pair()
        spellings = {self.name.lower(), self.name.lower().replace("-", "_")}
        for name in (self.name, self.name.upper(), self.name.replace("-", "_")):
            with self._asking(edge=True) as (ask, desk, billing):
                answer = ask("/answer", [(name, value)])
                expect((NOBODY, []), (answer.body, billing.events))
                expect(set(), desk.names[0] & spellings)

    def test_no_response_has_what_the_application_puts_there(self) -> None:
        """
        Not even a value that a handler copies into its response gets out.
        """
        for edge in (False, True):
            for path in ("/answer", "/stream", "/later"):
                with self._asking(edge=edge) as (ask, desk, _):
                    pair = self._pair()
                    desk.headers.append(pair)
                    answer = ask(path, [pair])
                    expect((200, []), (answer.status, answer.values(self.name)))

    def test_what_was_made_from_it_is_not_kept(self) -> None:
        """
        A response to a request that brought a value is private and not stored, also
        where the application says otherwise, and for whoever brought a bad one.
        """
        bad = (self.name, str(Process().begin().hand_over("support")))
        for pair in (self._pair(), bad):
            for path in ("/answer", "/stream"):
                with self._asking() as (ask, desk, _):
                    desk.headers.append(("Cache-Control", "public, max-age=60"))
                    answer = ask(path, [pair])
                    expect(["private, no-store"], answer.values("Cache-Control"))

    def test_other_responses_are_kept_as_ever(self) -> None:
        """
        Where no value came, caching is the application's business.
        """
        with self._asking() as (ask, desk, _):
            desk.headers.append(("Cache-Control", "public, max-age=60"))
            answer = ask("/answer", [])
            expect(["public, max-age=60"], answer.values("Cache-Control"))

    def test_headers_of_the_application_stay(self) -> None:
        """
        What a handler puts on its response itself arrives, in whatever number.
        """
        with self._asking() as (ask, desk, _):
            desk.headers += [("X-Desk", "seven"), ("Set-Cookie", "a=1")]
            answer = ask("/answer", [self._pair()])
            found = [answer.values(name) for name in ("X-Desk", "Set-Cookie")]
            expect([["seven"], ["a=1"]], found)
