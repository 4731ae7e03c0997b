"""
Brokers of this machine, and brokers of a test's own that may be killed.

Used where they listen already; else started from what is installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pika
import pytest
import redis
from confluent_kafka import Producer
from pika.exceptions import AMQPError
from servers import RedisServer, Server, free_port, listening, within_patience

REDIS_PORT = 6379
RABBITMQ_PORT = 5672
# Ten seconds where nothing else runs.
STARTS_WITHIN_S = 120


class RabbitMQServer(Server):
    """
    A RabbitMQ with one node, which keeps durable queues over its death.
    """

    def __init__(self):
        # The program that is on the path would change to another user.
        program = shutil.which(
            "rabbitmq-server", path="/usr/lib/rabbitmq/bin:/opt/homebrew/sbin"
        )
        if program is None:
            pytest.skip("rabbitmq-server is not installed")
        directory = Path(tempfile.mkdtemp(prefix="cx-rabbitmq-"))
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"
        (directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\n"
            "loopback_users.guest = true\n"
        )
        # Erlang's registry of nodes: one of the broker's own, which ends with it.
        self.registry_port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.registry_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled"),
            "RABBITMQ_LOG_BASE": str(directory / "log.d"),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            # Not the host's name, which not every machine can look up.
            "RABBITMQ_NODENAME": f"cx{self.port}@localhost",
        }
        set_these = [f"{name}={value}" for name, value in self.environment.items()]
        super().__init__(("env", "-i", *set_these, program), str(directory))

    def processes(self):
        """
        Return the processes of the session that its own has begun.
        """
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.process.pid:
                    found.append(int(stat.parent.name))
        return found

    def ready(self):
        """
        Wait until it takes connections.
        """
        ends = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                pika.BlockingConnection(pika.URLParameters(self.url)).close()
            except (AMQPError, OSError):
                assert time.monotonic() < ends, "RabbitMQ does not start"
                time.sleep(0.2)
            else:
                return

    def end(self):
        """
        Leave no process behind, and no data.
        """
        if self.process is not None:
            super().end()
            subprocess.run(
                ["epmd", "-port", str(self.registry_port), "-kill"],
                env={**self.environment, "PATH": os.environ["PATH"]},
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )


@contextlib.contextmanager
def redis_at():
    """
    Give the URL of a Redis, and take nothing from it that a test did not put there.
    """
    with contextlib.ExitStack() as started:
        url = f"redis://127.0.0.1:{REDIS_PORT}/0"
        if not listening(REDIS_PORT):
            server = RedisServer()
            started.callback(server.end)
            server.start()
            url = server.url
            within_patience(redis.Redis.from_url(url).ping)
        yield url


@contextlib.contextmanager
def rabbitmq_at():
    """
    Give the URL of a RabbitMQ.
    """
    with contextlib.ExitStack() as started:
        url = f"amqp://guest:guest@127.0.0.1:{RABBITMQ_PORT}/%2F"
        if not listening(RABBITMQ_PORT):
            server = RabbitMQServer()
            started.callback(server.end)
            server.start()
            server.ready()
            url = server.url
        yield url


def interrupt(process, *, patience_s=30):
    """
    End a program of a test as an operator does, and wait for it.
    """
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@contextlib.contextmanager
def kafka_at():
    """
    Give the servers of a cluster: librdkafka's mock, which speaks the real protocol.
    """
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    found = within_patience(lambda: producer.list_topics(timeout=5).brokers)
    yield ",".join(f"{one.host}:{one.port}" for one in found.values())
    # The cluster lives as long as the producer does.
    producer.flush()
