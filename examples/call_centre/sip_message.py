"""
SIP messages (RFC 3261, 7): a start line, headers in their order, a body.
"""

from __future__ import annotations

import re

import attrs

_START = re.compile(r"SIP/2\.0 [1-6]\d\d |[A-Z]+ \S+ SIP/2\.0$")


@attrs.frozen
class Message:
    """
    A request or a response. Hides what is in it.
    """

    start: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    body: str = attrs.field(default="", repr=False)

    @classmethod
    def parse(cls, raw: bytes) -> Message | None:
        """
        Return the message that a datagram is, or None.
        """
        head, _, body = raw.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = re.split(r"\r\n(?![ \t])", head)
        pairs = (line.partition(":") for line in lines)
        headers = tuple((name.strip(), value.strip()) for name, _, value in pairs)
        message = cls(start, headers, body)
        whole = _START.match(start) and message.get("Call-ID") and message.get("CSeq")
        return message if whole else None

    def encode(self) -> bytes:
        """
        Return the datagram.
        """
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body.encode())}")
        return "\r\n".join([*lines, "", self.body]).encode()

    def all(self, name: str) -> tuple[str, ...]:
        """
        Return every value of a name.
        """
        return tuple(v for key, v in self.headers if key.lower() == name.lower())

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
        return self.get("CSeq").split()[-1]

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
        return self.start.split(" ")[1]

    @property
    def transaction(self) -> tuple[str, str]:
        """
        What a response has in common with its request (RFC 3261, 17.1.3).
        """
        branch = self.get("Via").partition("branch=")[2].partition(";")[0]
        return branch, self.method


def tag(address: str) -> str:
    """
    Return the tag of a From or To.
    """
    found = re.search(r";\s*tag=([^;>\s]+)", address)
    return found[1] if found else ""
