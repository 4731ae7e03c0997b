"""
Real workers of Celery, in processes of their own, and sales, which sends to them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import celery
import redis
from brokers import interrupt
from celery import signals

import cxcontext as cx
from cxcontext.queues.celery import setup_sender
from cxcontext.queues.messages import Messages
from cxcontext.testing import shop
from cxcontext.testing.contract import Process

PATIENCE_S = 40


class Workers:
    """
    A queue, the workers that consume it, and what they wrote down.
    """

    def __init__(self, broker, notes, directory, pool="prefork", *, transport=None):
        self.queue = f"cx-{uuid.uuid4().hex}"
        self.notes = redis.Redis.from_url(notes)
        self.pool, self.directory = pool, directory
        ring = shop._ring()
        (directory / "public.json").write_text(ring.public.to_json())
        (directory / "billing.json").write_text(ring.private["billing"].to_json())
        (directory / "billing.json").chmod(0o600)
        self.environment = os.environ | {
            "SHOP_KEYS": str(directory),
            "SHOP_QUEUE": self.queue,
            "SHOP_BROKER": broker,
            "SHOP_NOTES": notes,
            "SHOP_TRANSPORT": json.dumps(transport or {}),
            # Told to gevent, which would say so for each thread of the store's.
            "PYTHONWARNINGS": "ignore",
        }
        self.app = celery.Celery(
            "sender",
            broker=broker,
            backend=notes,
            set_as_current=False,
            broker_transport_options=transport or {},
        )
        self.app.conf.update(task_default_queue=self.queue)
        self.sales = Process()
        # An hour, as long as anything here could wait.
        to_billing = cx.Destination(
            "billing", queues=[self.queue], lifetime=timedelta(hours=1)
        )
        self.sending = Messages(
            propagator=cx.Propagator(self.sales.department("sales"), [to_billing])
        )
        self.process = None

    def start(self):
        """
        Start a worker.
        """
        command = [sys.executable, "-m", "celery", "-A", "celery_shop", "worker"]
        command += ["-P", self.pool, "-c", "2" if self.pool == "prefork" else "8"]
        command += ["--without-gossip", "--without-mingle", "-l", "WARNING"]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "-Q", self.queue, "-n", f"{self.queue}@localhost"],
                cwd=Path(__file__).parent,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self):
        """
        Start a worker, and send as sales from now on.
        """
        self.start()
        setup_sender(self.sending)
        return self

    def __exit__(self, *exception):
        """
        End it, and leave nothing behind.
        """
        signals.before_task_publish.disconnect(dispatch_uid="cxcontext")
        try:
            interrupt(self.process)
        finally:
            for key in self.notes.scan_iter(f"*{self.queue}*"):
                self.notes.delete(key)
            self.notes.close()
            self.app.close()

    def task(self, name, *args, **kwargs):
        """
        Return the signature of a task of billing's.
        """
        return self.app.signature(f"celery_shop.{name}", args=args, kwargs=kwargs)

    @contextmanager
    def customer(self, name):
        """
        Do something at sales, with the journey of a customer of this name.
        """
        with cx.bound(name and self.sales.begin(name)):
            yield

    def seen(self, count):
        """
        Return what *count* tasks wrote down, and wait for them.
        """
        ends = time.monotonic() + PATIENCE_S
        while self.notes.llen(f"{self.queue}-seen") < count:
            assert time.monotonic() < ends, self.all_seen()
            assert self.process.poll() is None, (self.directory / "log").read_text()
            time.sleep(0.02)
        return self.all_seen()

    def all_seen(self):
        """
        Return what was written down until now.
        """
        return [
            json.loads(raw) for raw in self.notes.lrange(f"{self.queue}-seen", 0, -1)
        ]

    def refused(self):
        """
        Return why values were refused.
        """
        return [
            raw.decode() for raw in self.notes.lrange(f"{self.queue}-refused", 0, -1)
        ]
