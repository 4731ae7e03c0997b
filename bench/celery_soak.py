"""
Celery for half an hour: what a worker holds on to, and whether it errs.

By hand, in the foreground or with `nice`:

    python -m bench.celery_soak --minutes 30

A Redis of its own, one worker with one child process, and as many tasks as that manages,
of journeys that begin and end. Every tenth task learns something, every tenth sends
another, every fiftieth brings a value that is forged, every twentieth none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import celery
import redis

import cxcontext as cx
from bench.celery_app import DOMAIN, QUEUE, Shop, messages_of
from bench.servers import free_port
from bench.table import Table
from cxcontext.core.keygen import generate_keys
from cxcontext.queues.celery import setup_sender

WAITING: Final = 200
SAMPLES: Final = 12
COUNTED: Final = ("own", "another's", "rejected: bad_delivery_signature")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def a_process(
    command: list[str], environment: dict[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """
    Run a program until the block is left.
    """
    process = subprocess.Popen(  # noqa: S603 - commands of ours
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def family(process_id: int) -> list[int]:
    """
    Return a process and its children.
    """
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text("ascii")
    return [process_id, *map(int, children.split())]


def resident_mb(process_id: int) -> float:
    """
    Return the resident set, in MB.
    """
    pages = Path(f"/proc/{process_id}/statm").read_text("ascii").split()[1]
    return int(pages) * PAGE_BYTES / 1e6


def send(app: Any, sales: cx.Department[Shop], number: int) -> None:
    """
    Send one task: of a customer's, of nobody's, or with a value that is forged.
    """
    whose = None if number % 20 == 0 or number % 50 == 1 else f"Customer {number}"
    journey, headers = None, {}
    if whose is not None:
        journey = sales.begin(channel="chat")
        journey.learn(Shop.full_name, whose)
    elif number % 50 == 1:
        # Made for billing, so the adapter leaves it as it is.
        value = str(sales.begin(channel="chat").hand_over("billing"))
        headers = {"customer-context": value[:-8] + "A" * 8}
    arguments = [whose, number % 10 == 3, number % 10 == 5]
    with cx.bound(journey):
        app.send_task("work", arguments, headers=headers)


def soak(minutes: float) -> Table:
    """
    Send for that long; return what the worker held on to meanwhile.
    """
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder)
        ring = generate_keys(
            domain=DOMAIN,
            departments={"sales": False, "billing": False},
            readers={1: ("sales", "billing")},
            now=datetime.now(UTC),
        )
        (keys / "public.json").write_text(ring.public.to_json(), "utf-8")
        for name, private in ring.private.items():
            (keys / f"{name}.json").write_text(private.to_json(), "utf-8")
            (keys / f"{name}.json").chmod(0o600)
        port = free_port()
        url = f"redis://127.0.0.1:{port}/0"
        server = [shutil.which("redis-server") or "redis-server", "--port", str(port)]
        server += ["--bind", "127.0.0.1", "--save", "", "--dir", folder]
        worker = [sys.executable, "-m", "celery", "-A", "bench.celery_app", "worker"]
        worker += ["-c", "1", "--without-gossip", "--without-mingle", "-l", "ERROR"]
        environment = os.environ | {"SOAK_BROKER": url, "SOAK_KEYS": folder}
        with a_process(server), a_process(worker, environment) as process:
            return _measured(url, keys, process.pid, minutes)


def _measured(url: str, keys: Path, process_id: int, minutes: float) -> Table:
    client: Any = redis.Redis.from_url(url)
    app = celery.Celery("sales", broker=url)
    app.conf.update(task_default_queue=QUEUE, task_ignore_result=True)
    sales, messages = messages_of("sales", keys)
    setup_sender(messages)
    # A first task, for the worker takes its time to start.
    _until_answering(client)
    app.send_task("work", [None, False, False])
    while not client.hexists("counts", "own"):
        time.sleep(0.1)
    sent = 1
    rows: list[list[str]] = []
    began = time.monotonic()
    next_s = every_s = minutes * 60 / SAMPLES
    while len(rows) < SAMPLES:
        elapsed_s = time.monotonic() - began
        if elapsed_s >= next_s:
            next_s += every_s
            rows.append(_row(elapsed_s, sent, client, process_id))
        if client.llen(QUEUE) >= WAITING:
            time.sleep(0.02)
            continue
        for _ in range(50):
            sent += 1
            send(app, sales, sent)
    head = ("minutes", "sent", *COUNTED, "main MB", "child MB")
    return Table(f"Celery on Redis for {minutes:g} minutes", head, rows)


def _until_answering(client: Any) -> None:
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.05)
        else:
            return


def _row(elapsed_s: float, sent: int, client: Any, process_id: int) -> list[str]:
    counts = {k.decode(): int(v) for k, v in client.hgetall("counts").items()}
    sizes = [resident_mb(one) for one in family(process_id)]
    row = [f"{elapsed_s / 60:.1f}", f"{sent:,}"]
    row += [f"{counts.pop(what, 0):,}" for what in COUNTED]
    row += [f"{size:.1f}" for size in sizes]
    print(*row, counts or "", flush=True)
    return row


def main() -> None:
    """
    Measure and print.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.celery_soak")
    parser.add_argument("--minutes", type=float, default=30)
    print(soak(parser.parse_args().minutes).as_markdown())


if __name__ == "__main__":
    main()
