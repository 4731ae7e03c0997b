"""
Servers in processes of their own, and the processor time that they use.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

PATIENCE_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """
    Return a port that nobody uses now, below those from which clients take theirs.
    """
    while True:
        port = random.randrange(15_000, 30_000)  # noqa: S311 - any will do
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def running(
    command: Sequence[str], port: int, environment: dict[str, str]
) -> Generator[int]:
    """
    Run a server until it is left, and give its process, once it answers.
    """
    process = subprocess.Popen(  # noqa: S603 - a command of ours
        command,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ends = time.monotonic() + PATIENCE_S
        while True:
            # gunicorn listens before it can answer.
            with suppress(OSError), closing(_connection(port)) as connection:
                connection.request("GET", "/")
                connection.getresponse()
                break
            if process.poll() is not None or time.monotonic() > ends:
                msg = f"did not start: {' '.join(command)}"
                raise RuntimeError(msg)
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _connection(port: int) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)


def processor_s(process: int) -> float:
    """
    Return the processor time of a process and its children that run, in seconds.
    """
    return sum(_used_s(found) for found in (process, *children(process)))


def children(process: int) -> list[int]:
    """
    Return the processes that a process has started and that still run.
    """
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(found) for found in text.split()]


def resident_bytes(process: int) -> int:
    """
    Return the resident set of a process.
    """
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _used_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
