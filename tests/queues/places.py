"""
Where a broker of each kind is: the one of this machine, or one that a test starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import threading
from pathlib import Path

import psycopg
from servers import (
    PostgresServer,
    Server,
    free_port,
    listening,
    program,
    within_patience,
)

NATS_PORT = 4222
MQTT_PORT = 1883


class NATSServer(Server):
    """
    NATS with JetStream.
    """

    def __init__(self):
        directory, self.port = tempfile.mkdtemp(prefix="cx-nats-"), free_port()
        where = ("-a", "127.0.0.1", "-p", str(self.port))
        server = program("nats-server")
        super().__init__((server, *where, "-js", "-sd", directory), directory)


class MosquittoServer(Server):
    """
    Mosquitto, which takes anybody who is on this machine.
    """

    def __init__(self):
        directory, self.port = tempfile.mkdtemp(prefix="cx-mosquitto-"), free_port()
        (Path(directory) / "conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        )
        server = program("mosquitto")
        super().__init__((server, "-c", f"{directory}/conf"), directory)


class MotoServer(Server):
    """
    An emulation of Amazon's services, which limits little of what they limit.
    """

    def __init__(self):
        directory, self.port = tempfile.mkdtemp(prefix="cx-moto-"), free_port()
        where = ("-H", "127.0.0.1", "-p", str(self.port))
        super().__init__((sys.executable, "-m", "moto.server", *where), directory)


@contextlib.contextmanager
def started(server):
    """
    Start a server, wait until it listens, and end it.
    """
    try:
        server.start()
        within_patience(lambda: listening(server.port))
        yield server
    finally:
        server.end()


@contextlib.contextmanager
def _port_of(kind, port):
    if listening(port):
        yield port
        return
    with started(kind()) as server:
        yield server.port


@contextlib.contextmanager
def nats_at():
    """
    Give the address of NATS.
    """
    with _port_of(NATSServer, NATS_PORT) as port:
        yield f"nats://127.0.0.1:{port}"


@contextlib.contextmanager
def mosquitto_at():
    """
    Give the port of Mosquitto.
    """
    with _port_of(MosquittoServer, MQTT_PORT) as port:
        yield port


@contextlib.contextmanager
def moto_at():
    """
    Give the address of moto's server.
    """
    with started(MotoServer()) as server:
        yield f"http://127.0.0.1:{server.port}"


@contextlib.contextmanager
def postgres_at():
    """
    Give the address of a PostgreSQL of the tests' own.
    """
    with started(PostgresServer()) as server:
        within_patience(lambda: psycopg.connect(server.url).close() or True)
        yield server.url


class Loop:
    """
    An event loop in a thread, to which any thread gives work.
    """

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def run(self, work):
        """
        Await *work* with the caller's context, and return what it returns.
        """
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.run(self._cancelled())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancelled(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def working(work, *, threads=1, stop=None):
    """
    Run ``work(stopped)`` in threads, and tell them to stop at the end.

    What one of them fails with is raised here: a consumer that ended is no consumer.
    """
    stopped, problems = threading.Event(), []

    def run():
        try:
            work(stopped)
        except Exception as problem:  # noqa: BLE001 - it is raised below
            problems.append(problem)

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        if stop is not None:
            stop()
        for thread in running:
            thread.join()
    if problems:
        raise problems[0]
