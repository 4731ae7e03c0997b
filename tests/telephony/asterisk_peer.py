"""
What stands in for Asterisk, of which this distribution has no package: a peer of our own.

It connects as ``app_agi`` does, sends the documented environment, and answers the
documented commands for one channel, whose arguments it takes apart as ``parse_args``
does: blanks separate, quotes join, a backslash takes the next character as it is.
"""

from __future__ import annotations

import asyncio
import re


class Channel:
    """
    One channel of the peer.

    Attributes:
        variables: By name, those with leading ``__`` without them.
        headers: Of the INVITE: lists by name in small letters.
        inherited: The variables that a channel that comes of this one gets.
        asked: The commands, in order.
    """

    def __init__(self, *, uniqueid="1769.1", headers=(), **environment):
        self.variables = {}
        self.inherited = {}
        self.asked = []
        self.headers = {}
        for name, value in headers:
            self.headers.setdefault(name.lower(), []).append(value)
        self.functions = {"CHANNEL(linkedid)": "1769.0"}
        self.environment = {
            "network": "yes",
            "channel": "PJSIP/trunk-00000001",
            "language": "en",
            "type": "PJSIP",
            "uniqueid": uniqueid,
            "version": "22.7.0",
            "callerid": "+12025550123",
            "calleridname": "unknown",
            "dnid": "+12025550100",
            "extension": "s",
            "priority": "1",
            "enhanced": "0.0",
            "accountcode": "",
            "threadid": "140",
            **environment,
        }

    async def run(self, server, script, *arguments):
        """
        Call a script at a server, until the server closes.
        """
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = {
            "network_script": script,
            "request": f"agi://127.0.0.1:{port}/{script}",
            **self.environment,
            **{f"arg_{n}": value for n, value in enumerate(arguments, 1)},
        }
        lines = [f"agi_{name}: {value}\n" for name, value in said.items()]
        writer.write("".join(lines).encode() + b"\n")
        while command := await reader.readline():
            line = command.decode().rstrip("\n")
            self.asked.append(line)
            writer.write(self.answer(line).encode() + b"\n")
        writer.close()

    def answer(self, line):
        """
        Return what Asterisk answers.
        """
        words = parse_args(line)
        if [*map(str.upper, words[:3])] == ["GET", "FULL", "VARIABLE"]:
            return f"200 result=1 ({self.expand(words[3])})"
        if [*map(str.upper, words[:2])] == ["SET", "VARIABLE"] and len(words) == 4:
            name = words[2].lstrip("_")
            self.variables[name] = words[3]
            if words[2].startswith("_"):
                self.inherited[name] = words[3]
            return "200 result=1"
        return "510 Invalid or unknown command"

    def expand(self, expression):
        """
        Return the value of ``${...}``.
        """
        inner = re.fullmatch(r"\$\{(.*)\}", expression)[1]
        header = re.fullmatch(r"PJSIP_HEADER\(read,([^,]+),([0-9]+)\)", inner)
        if header is None:
            return self.functions.get(inner, self.variables.get(inner, ""))
        values = self.headers.get(header[1].lower(), [])
        return values[int(header[2]) - 1] if len(values) >= int(header[2]) else ""


def parse_args(line):
    """
    Return the words of a command, as Asterisk takes them apart.
    """
    words, word, quoted, escaped, begun = [], "", False, False, False
    for char in line:
        if escaped:
            word, escaped = word + char, False
        elif char == "\\":
            escaped = begun = True
        elif char == '"':
            quoted, begun = not quoted, True
        elif char in " \t" and not quoted:
            if begun:
                words.append(word)
            word, begun = "", False
        else:
            word, begun = word + char, True
    return [*words, word] if begun else words
