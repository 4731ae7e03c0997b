"""
Processes of the call centre: started, heard line by line, and ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Long enough for a machine with other work to do.
PATIENCE_S = 90

Told = dict[str, Any]


class PartyFailedError(Exception):
    """
    A process ended, or did not do its part in time.
    """


class Party:
    """
    One process.

    Args:
        name: Who it is.
        process: What was started.
        report: Called with everything that it tells.
    """

    def __init__(
        self,
        name: str,
        process: asyncio.subprocess.Process,
        report: Callable[[Told], None],
    ) -> None:
        self.name = name
        self._process, self._report = process, report

    async def ready(self) -> None:
        """
        Wait until it answers its telephone.

        Raises:
            PartyFailedError: When it does not come to that.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (told := await self._told()) is not None:
                    if told["is"] == "ready":
                        return
                    self._report(told)
        except TimeoutError:
            pass
        raise PartyFailedError(f"{self.name} did not get ready")

    async def done(self) -> None:
        """
        Wait until it has played its part, reporting what it tells meanwhile.

        Raises:
            PartyFailedError: When it fails, or takes too long.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (told := await self._told()) is not None:
                    self._report(told)
                status = await self._process.wait()
        except TimeoutError:
            raise PartyFailedError(f"{self.name} takes too long") from None
        if status:
            raise PartyFailedError(f"{self.name} ended with status {status}")

    async def end(self) -> None:
        """
        End it, whatever it does.
        """
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(10):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def _told(self) -> Told | None:
        lines = self._process.stdout
        line = await lines.readline() if lines is not None else b""
        return json.loads(line) if line else None


async def start(
    name: str,
    *command: str,
    directory: Path,
    report: Callable[[Told], None],
    ahead_s: float = 0,
) -> Party:
    """
    Start a process; its complaints go into a file of the directory.

    Args:
        name: Who it is.
        command: A file here with its arguments, or a program with a ``/`` in it.
        directory: The call centre's.
        report: As that of `Party`.
        ahead_s: How far its clock is ahead.
    """
    script = "/" not in command[0]
    program = [sys.executable, str(HERE / command[0])] if script else [command[0]]
    with (directory / f"{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *program,
            *command[1:],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if script else log,
            stderr=log,
            env={
                **os.environ,
                "CALL_CENTRE": str(directory),
                "CALL_CENTRE_AHEAD_S": str(ahead_s),
            },
            start_new_session=True,
        )
    return Party(name, process, report)
