"""
A call centre of processes: a chat, a call with a keypad code, two transfers, a call-back.

``python examples/call_centre/run.py`` plays it, through Kamailio on ports of this
machine, and ends with 0 when nobody was asked twice, 1 when somebody was or a party
failed, 2 when Kamailio is not installed. ``--strip`` lets the proxy take every header of
ours away, as some carriers do; ``--directory`` keeps what was written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import layout
from parties import HERE, PATIENCE_S, Party, PartyFailedError, start

NEXT_DAY_S = 86_400
NOT_INSTALLED = 2
SAID = ("My order A-118 is broken", "Alex Example", "The lid is cracked", "4242")
# Debian keeps it where only root's PATH looks.
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def furnish(directory: Path) -> dict[str, int]:
    """
    Make keys, secrets, and the proxy's configuration; return everybody's port.
    """
    directory.mkdir(parents=True, exist_ok=True)
    made = {name: secrets.token_hex(32) for name in ("pepper", "references")}
    (directory / "secrets.json").touch(0o600)
    (directory / "secrets.json").write_text(json.dumps(made), "utf-8")
    command = [sys.executable, "-m", "cxcontext.cli", "keys", "init", "acme:Acme"]
    command += ["--domain", "acme.example", "--out", str(directory)]
    subprocess.run(command, check=True, cwd=HERE, stdout=subprocess.DEVNULL)  # noqa: S603 - ourselves
    names = ("chat", "customer", "outside", "inside", "ivr", "support", "billing")
    ports: dict[str, int] = dict(zip(names, free_ports(len(names)), strict=True))
    (directory / "ports.json").write_text(json.dumps(ports), "utf-8")
    words = {name.upper(): str(port) for name, port in ports.items()}
    text = (HERE / "kamailio.cfg").read_text("utf-8")
    config = re.sub(r"\b[A-Z]+\b", lambda word: words.get(word[0], word[0]), text)
    (directory / "kamailio.cfg").write_text(config, "utf-8")
    return ports


def free_ports(count: int) -> list[int]:
    """
    Return ports that nobody uses now, for UDP and for TCP.
    """
    found: list[int] = []
    while len(found) < count:
        # Below those from which clients take theirs.
        port = 15_000 + secrets.randbelow(15_000)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(type=kind) as taken:
                    taken.bind(("127.0.0.1", port))
        except OSError:
            continue
        if port not in found:
            found.append(port)
    return found


class Centre:
    """
    The call centre while it is open.
    """

    def __init__(self, directory: Path, stack: AsyncExitStack) -> None:
        self.directory, self._stack = directory, stack
        self.ports = furnish(directory)

    async def start(self, name: str, *command: str, ahead_s: float = 0) -> Party:
        """
        Start a party, and end it when the call centre closes.
        """
        party = await start(
            name,
            *command,
            directory=self.directory,
            report=layout.report,
            ahead_s=ahead_s,
        )
        self._stack.push_async_callback(party.end)
        return party

    async def open_proxy(self, program: str, *options: str) -> None:
        """
        Start Kamailio, and wait until it answers.
        """
        where = str(self.directory)
        here = ("-f", f"{where}/kamailio.cfg", "-w", where, "-Y", where)
        small = ("-DD", "-E", "-m", "64", "-M", "8")
        await self.start("kamailio", program, *here, *small, *options)
        await asyncio.to_thread(until, lambda: answers(self.ports["outside"]))

    async def chat(self) -> str:
        """
        Chat with sales as a browser would, and return the code.
        """
        await self.start("chat", "chat.py")
        origin = f"http://127.0.0.1:{self.ports['chat']}"
        began = await asyncio.to_thread(until, lambda: post(f"{origin}/sessions", {}))
        answer: dict[str, str] = {}
        for text in SAID:
            layout.line("customer", text)
            said = {"session": began["session"], "text": text}
            answer = await asyncio.to_thread(post, f"{origin}/say", said)
            layout.line("sales", answer["says"])
        return answer["code"]


def post(url: str, body: dict[str, str]) -> dict[str, str]:
    """
    Post JSON to the chat, and return its answer.
    """
    request = urllib.request.Request(  # noqa: S310 - our own chat
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:  # noqa: S310
        answer: dict[str, str] = json.load(response)
        return answer


def answers(port: int) -> bool:
    """
    Say whether the proxy answers OPTIONS.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.bind(("127.0.0.1", 0))
        here = f"127.0.0.1:{asking.getsockname()[1]}"
        lines = [
            f"OPTIONS sip:127.0.0.1:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bKready;rport",
            f"From: <sip:ready@{here}>;tag=1",
            f"To: <sip:127.0.0.1:{port}>",
            "Call-ID: ready",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        asking.sendto("\r\n".join([*lines, "", ""]).encode(), ("127.0.0.1", port))
        return asking.recv(2000).startswith(b"SIP/2.0 200")


def until(works: Any) -> Any:
    """
    Wait until *works* returns something, and return it.
    """
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        try:
            if found := works():
                return found
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise PartyFailedError("somebody did not open")


async def play(directory: Path, kamailio: str, *options: str) -> None:
    """
    Play both days.
    """
    async with AsyncExitStack() as stack:
        centre = Centre(directory, stack)
        await centre.open_proxy(kamailio, *options)
        layout.heading("The chat, with sales")
        code = await centre.chat()
        layout.heading("The call: a code, a blind transfer, an attended one")
        agents = [
            await centre.start(name, f"{name}.py")
            for name in ("ivr", "support", "billing")
        ]
        for agent in agents:
            await agent.ready()
        caller = await centre.start("customer", "customer.py", code)
        await asyncio.gather(*(party.done() for party in (caller, *agents)))
        layout.heading("The next day: a call-back")
        support, customer = [
            await centre.start(name, *command, ahead_s=NEXT_DAY_S)
            for name, *command in (
                ("support", "support.py", "call-back"),
                ("customer", "customer.py"),
            )
        ]
        await support.ready()
        await customer.ready()
        dialler = await centre.start("ivr", "ivr.py", "call-back", ahead_s=NEXT_DAY_S)
        await asyncio.gather(dialler.done(), support.done(), customer.done())


def main() -> int:
    """
    Play it, and say what nobody had to ask.
    """
    parser = argparse.ArgumentParser(description="Play a call centre.")
    parser.add_argument("--directory", type=Path, help="an empty one, which is kept")
    parser.add_argument("--kamailio", default="kamailio", help="the program")
    parser.add_argument("--strip", action="store_true", help="no header arrives")
    arguments = parser.parse_args()
    kamailio = shutil.which(arguments.kamailio, path=PLACES)
    if kamailio is None:
        print("Kamailio is not installed: apt-get install kamailio")
        return NOT_INSTALLED
    with tempfile.TemporaryDirectory() as temporary:
        place = (arguments.directory or Path(temporary)).resolve()
        options = ("-A", "STRIP") if arguments.strip else ()
        try:
            asyncio.run(play(place, kamailio, *options))
        except PartyFailedError as problem:
            print(problem)
            return 1
        return layout.account(place / "events.log")


if __name__ == "__main__":
    sys.exit(main())
