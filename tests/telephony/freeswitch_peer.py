"""
What stands in for FreeSWITCH, of which this distribution has no package: a peer of our own.

It connects as the application ``socket`` does, answers ``connect`` with the channel's data,
escaped as in a URL, and executes what it is told for one channel: ``set``, ``unset`` and
``export``. Bridged, it does with headers what mod_sofia does.
"""

from __future__ import annotations

import asyncio
from urllib.parse import quote


class Channel:
    """
    One channel of the peer.

    Attributes:
        variables: By name.
        exported: Those that only the next channel gets.
        executed: Applications and arguments, in order.
    """

    def __init__(self, *, unique_id="7f4de4bc", headers=(), **variables):
        self.unique_id = unique_id
        self.exported = {}
        self.executed = []
        self.variables = {"call_uuid": "11111111", "sip_call_id": "c1@pbx", **variables}
        for name, value in headers:
            key, copies = f"sip_h_{name}", 0
            while key in self.variables:
                copies += 1
                key = f"sip_h_{name}-{copies}"
            self.variables[key] = value

    def data(self):
        """
        Return the channel's data, as ``connect`` is answered.
        """
        head = {
            "Event-Name": "CHANNEL_DATA",
            "Unique-ID": self.unique_id,
            "Caller-Caller-ID-Number": "+12025550123",
            "Caller-Destination-Number": "+12025550100",
        }
        said = head | {f"variable_{n}": v for n, v in self.variables.items()}
        lines = [f"{name}: {quote(value, safe='')}" for name, value in said.items()]
        return "\n".join([*lines, "Content-Type: command/reply", "Reply-Text: +OK"])

    def bridged(self):
        """
        Return the headers that the next leg's INVITE has.
        """
        copied = {}
        if self.variables.get("sip_copy_custom_headers", "true") == "true":
            copied = self.variables
        found = {**copied, **self.exported}
        return {n[6:]: v for n, v in found.items() if n.startswith("sip_h_")}

    async def run(self, server):
        """
        Be answered about, until the server leaves or closes.
        """
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        block = []
        while raw := await reader.readline():
            line = raw.decode().rstrip("\n")
            if line:
                block.append(line)
                continue
            writer.write((self.answer(block) + "\n\n").encode())
            block = []
        writer.close()

    def answer(self, block):
        """
        Return what FreeSWITCH answers to a block.
        """
        if block == ["connect"]:
            return self.data()
        if block[0] == "sendmsg":
            told = dict(line.split(": ", 1) for line in block[1:])
            self.execute(told["execute-app-name"], told["execute-app-arg"])
        return "Content-Type: command/reply\nReply-Text: +OK"

    def execute(self, application, argument):
        """
        Execute one application.
        """
        self.executed.append((application, argument))
        name, _, value = argument.partition("=")
        if application == "set":
            self.variables[name] = value
        elif application == "unset":
            self.variables.pop(name, None)
        elif application == "export":
            self.exported[name.removeprefix("nolocal:")] = value
