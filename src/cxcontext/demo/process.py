"""
Start the departments' processes, talk to them, and leave none behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final, Self

import httpx

from cxcontext.demo.carrier import Carrier
from cxcontext.demo.notes import Report

# As in `cxcontext.demo.desk`, which this process does not load: it needs no keys.
CLOCK_OFFSET: Final = "CXCONTEXT_DEMO_CLOCK_OFFSET_S"
START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 5.0


class StoryEndedError(Exception):
    """
    A department could not be started, or did not answer as it should.
    """


def hold_ceremony(folder: Path) -> None:
    """
    Have the keys made, by a process that ends at once.

    Raises:
        StoryEndedError: When it fails.
    """
    command = [sys.executable, "-m", "cxcontext.demo.ceremony", str(folder)]
    made = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - ourselves
    if made.returncode:
        raise StoryEndedError(f"the key ceremony failed: {_last_line(made.stderr)}")


class Worker:
    """
    One department's process.

    Args:
        name: Which department.
        folder: The folder in which its own lies.
        client: With what it is called.
        peers: Where it reaches others.
        offset: By how much its clock is ahead.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        client: httpx.Client,
        peers: Mapping[str, str],
        offset: timedelta,
    ) -> None:
        self.name = name
        self._client = client
        self._origin = ""
        self._said = folder / f"{name}.stderr"
        with self._said.open("wb") as said:
            self._process: subprocess.Popen[str] = subprocess.Popen(
                [sys.executable, "-m", "cxcontext.demo.serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env={**os.environ, CLOCK_OFFSET: str(offset.total_seconds())},
                # A group of its own: Ctrl-C reaches us alone, and we end it.
                start_new_session=True,
            )
        self._write({"name": name, "folder": str(folder / name), "peers": dict(peers)})

    def _write(self, line: Mapping[str, Any]) -> None:
        # A process that is gone already is noticed when its port is read.
        with suppress(OSError):
            stdin = _pipe(self._process.stdin)
            stdin.write(json.dumps(line) + "\n")
            stdin.flush()

    def wait_until_up(self) -> int:
        """
        Return the port on which it listens.

        Raises:
            StoryEndedError: When it does not come up.
        """
        timer = threading.Timer(START_TIMEOUT_S, self._process.kill)
        timer.start()
        try:
            line = _pipe(self._process.stdout).readline()
        finally:
            timer.cancel()
        if not line.strip().isdigit():
            raise StoryEndedError(f"{self.name} did not start: {self._complaint()}")
        self._origin = f"http://127.0.0.1:{int(line)}"
        return int(line)

    def call(
        self, path: str, body: Any = None, *, expect: int = 200, **options: Any
    ) -> Any:
        """
        Post *body* to *path*, and return what comes back.

        Raises:
            StoryEndedError: When it does not answer, or with another status.
        """
        if body is not None:
            options["json"] = body
        # Without the query, which has a session.
        where, _, _ = path.partition("?")
        try:
            response = self._client.post(self._origin + path, **options)
        except httpx.TransportError as problem:
            what = f"{self.name} does not answer {where}: {type(problem).__name__}"
            raise StoryEndedError(what) from None
        if response.status_code != expect:
            what = f"{self.name} answers {where} with {response.status_code}"
            raise StoryEndedError(f"{what}: {self._complaint()}")
        return response.json()

    def report(self) -> Report:
        """
        Return what the department has noted since the last time.
        """
        return Report.from_json(self.call("/admin/notes"))

    def release(self) -> None:
        """
        Ask the process to end, without waiting for it.
        """
        with suppress(OSError):
            _pipe(self._process.stdin).close()

    def stop(self) -> None:
        """
        End the process: by asking, then by signals.
        """
        self.release()
        for insist in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                insist()
        self._process.wait()
        _pipe(self._process.stdout).close()

    def _complaint(self) -> str:
        return _last_line(self._said.read_text("utf-8", "replace"))


class Shop:
    """
    The departments that are open just now, and the roads between them.

    Args:
        folder: Where the key ceremony was held.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.workers: dict[str, Worker] = {}
        # A proxy for the world is none for this machine.
        self._client = httpx.Client(trust_env=False)
        self.roads = {"support": Carrier(), "billing": Carrier()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self.close_for_the_night()
        for road in self.roads.values():
            road.close()

    def __getitem__(self, name: str) -> Worker:
        return self.workers[name]

    def open(self, *names: str, offset: timedelta = timedelta(0)) -> None:
        """
        Start departments, all at once.

        Raises:
            StoryEndedError: When one does not come up.
        """
        for name in names:
            peers = {
                peer: road.origin for peer, road in self.roads.items() if peer != name
            }
            self.workers[name] = Worker(
                name, self._folder, client=self._client, peers=peers, offset=offset
            )
        for name in names:
            port = self.workers[name].wait_until_up()
            if name in self.roads:
                self.roads[name].port = port

    def close_for_the_night(self) -> None:
        """
        End every department's process.
        """
        for worker in self.workers.values():
            worker.release()
        for worker in self.workers.values():
            worker.stop()
        self.workers.clear()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None  # noqa: S101 - each was asked for
    return pipe


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "it said nothing")
