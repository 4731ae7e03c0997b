"""
Open the shop: make keys and secrets, and start three departments on ports of this machine.

``python examples/shop/run.py`` prints where the chat and the desk are, and ends with
Ctrl-C. ``--directory`` keeps keys and home for another time.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Long enough for a machine with other work to do.
PATIENCE_S = 60


def free_port() -> int:
    """
    Return a port that nobody uses now.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def furnish(directory: Path) -> dict[str, str]:
    """
    Make keys and secrets where there are none; return where each department will be.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "secrets.json").exists():
        made = {n: secrets.token_hex(32) for n in ("pepper", "references", "django")}
        (directory / "secrets.json").write_text(json.dumps(made), "utf-8")
        (directory / "secrets.json").chmod(0o600)
        command = [sys.executable, "-m", "cxcontext.cli", "keys", "init", "acme:Acme"]
        command += ["--domain", "acme.example", "--out", str(directory)]
        subprocess.run(command, check=True, cwd=HERE, stdout=subprocess.DEVNULL)  # noqa: S603 - ourselves
    names = ("chat", "desk", "billing")
    origins = {name: f"http://127.0.0.1:{free_port()}" for name in names}
    (directory / "origins.json").write_text(json.dumps(origins), "utf-8")
    return origins


@contextmanager
def opened(directory: Path) -> Generator[dict[str, str]]:
    """
    Run the shop while entered; give where each department is.
    """
    origins = furnish(directory)
    ports = {name: origin.rpartition(":")[2] for name, origin in origins.items()}
    served = ["-m", "uvicorn", "--log-level", "warning", "--port"]
    workers = ["-m", "gunicorn", "--threads", "4", "--log-level", "warning"]
    bind = ["--no-control-socket", "--bind", f"127.0.0.1:{ports['billing']}"]
    commands = {
        "billing": [*workers, *bind, "billing:app"],
        "chat": [*served, ports["chat"], "chat:app"],
        "desk": [*served, ports["desk"], "--lifespan", "off", "desk:application"],
    }
    environment = {**os.environ, "SHOP": str(directory), "PYTHONPATH": _path()}
    with ExitStack() as stack:
        for name, arguments in commands.items():
            process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, *arguments],
                cwd=HERE,
                env=environment,
                start_new_session=True,
            )
            stack.callback(_end, process)
            _wait_for(name, int(ports[name]), process)
        yield origins


def _path() -> str:
    return os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))


def _wait_for(name: str, port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"{name} did not open")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """
    Run the shop until somebody closes it.
    """
    parser = argparse.ArgumentParser(description="Open the shop.")
    parser.add_argument("--directory", type=Path, help="where keys and home are kept")
    directory = parser.parse_args().directory
    with ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origins = stack.enter_context(opened(directory))
        print(f"the chat is at {origins['chat']}/, the desk at {origins['desk']}/")
        print("Ctrl-C closes the shop")
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("closed")


if __name__ == "__main__":
    main()
