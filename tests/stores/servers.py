"""
Real servers, started from what is installed, each with a directory of its own.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

PATIENCE_S = 30
PASSWORD = "hidden"


def free_port():
    """
    Return a port of this machine that nobody uses now.

    Below those from which clients take theirs, so that it stays free until it is used.
    """
    while True:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port


def program(name):
    """
    Return where a server's program is, or skip the test.
    """
    # Debian keeps the programs of each PostgreSQL apart.
    places = [os.environ.get("PATH", ""), *glob.glob("/usr/lib/postgresql/*/bin")]  # noqa: PTH207
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def within_patience(works):
    """
    Wait until *works* returns something true without raising, and return it.
    """
    ends = time.monotonic() + PATIENCE_S
    while True:
        try:
            if found := works():
                return found
        except Exception:
            if time.monotonic() > ends:
                raise
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture(scope="session", autouse=True)
def patient_stores():
    """
    Let stores wait for as long as these tests do: two hundred at once on a machine with
    other work to do are not an outage. Tests of outages set limits of their own.
    """
    with pytest.MonkeyPatch.context() as patch:
        for engine in ("redis", "postgres"):
            with contextlib.suppress(ModuleNotFoundError):
                module = importlib.import_module(f"cxcontext.stores.{engine}")
                patch.setattr(module, "TIMEOUT_S", PATIENCE_S)
        yield


class Server:
    """
    A server that may be killed, paused and started again, and keeps its data.
    """

    def __init__(self, command, directory, *, user=None):
        self.command, self.directory, self.user = command, directory, user
        self.process = None

    def start(self):
        """
        Start it, and return before it is ready.
        """
        with (Path(self.directory) / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                user=self.user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def processes(self):
        """
        Return its process, and those that it has started.
        """
        found = [self.process.pid]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == found[0]:
                    found.append(int(stat.parent.name))
        return found

    def signal(self, number):
        """
        Send the signal to all of its processes.
        """
        for process_id in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, number)

    def ensure(self):
        """
        Let it run, whatever a test that failed has left.
        """
        if self.process.poll() is not None:
            self.start()
        self.go_on()

    def stop(self):
        """
        End it in good order, at once.
        """
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_S)

    def kill(self):
        """
        End it without a chance to write anything.
        """
        self.signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def pause(self):
        """
        Let it hang: connections are accepted, and nothing answers.
        """
        self.signal(signal.SIGSTOP)

    def go_on(self):
        """
        End the pause.
        """
        self.signal(signal.SIGCONT)

    def end(self):
        """
        Leave no process behind, and no data.
        """
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class RedisServer(Server):
    """
    Redis or Valkey, which writes everything to its log before it answers.
    """

    def __init__(self, *options):
        directory = tempfile.mkdtemp(prefix="cx-redis-")
        self.port = free_port()
        command = (
            program("redis-server"),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", directory),
            *("--requirepass", PASSWORD, "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "always"),
            *options,
        )
        super().__init__(command, directory)
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"


class PostgresServer(Server):
    """
    PostgreSQL, as safe as it is by default.
    """

    def __init__(self):
        server, initdb = program("postgres"), program("initdb")
        # It refuses to run as root, and what it may read must be its own.
        user = "postgres" if os.geteuid() == 0 else None
        directory = tempfile.mkdtemp(prefix="cx-postgres-")
        if user is not None:
            shutil.chown(directory, user)
        data = f"{directory}/data"
        self.port = free_port()
        subprocess.run(
            (initdb, "--pgdata", data, "--auth=trust", "--username=postgres", "-N"),
            user=user,
            cwd=directory,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        command = (
            *(server, "-D", data, "-p", str(self.port), "-k", directory),
            *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60"),
        )
        super().__init__(command, directory, user=user)
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"


def listening(port):
    """
    Say whether a server of this machine listens on *port*.
    """
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
