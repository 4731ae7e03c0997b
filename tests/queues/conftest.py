"""
The brokers that adapters for queues are tested on: one of each for the session.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Servers that are started and killed stand beside the tests of stores.
_STORES = Path(__file__).parents[1] / "stores"
if str(_STORES) not in sys.path:
    sys.path.insert(0, str(_STORES))

import brokers  # noqa: E402 - after the path


@pytest.fixture(scope="session")
def redis_url():
    """
    A Redis.
    """
    with brokers.redis_at() as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq_url():
    """
    A RabbitMQ.
    """
    with brokers.rabbitmq_at() as url:
        yield url


@pytest.fixture(scope="session")
def kafka_servers():
    """
    A cluster of Kafka's protocol.
    """
    with brokers.kafka_at() as servers:
        yield servers
