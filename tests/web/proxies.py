"""
Real proxies in front of one server, with a configuration of the how-to page.
"""

from __future__ import annotations

import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/howto/nginx-and-haproxy.md"
PATIENCE_S = 20.0

# What Debian's nginx.conf has around the files of conf.d, with nothing outside of the
# directory: it may be another user's.
AROUND = """
daemon off;
pid {directory}/pid;
error_log {directory}/start.log warn;
events {{ }}
http {{
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
{inner}
}}
"""


def on_page(language):
    """
    Return the configuration that the page shows in this language.
    """
    (found,) = re.findall(
        rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    )
    return found


def replaced(text, **changes):
    """
    Return *text* with each of the *changes*, all of which must be possible.
    """
    for old, new in changes.values():
        assert old in text, f"the page no longer says {old}"
        text = text.replace(old, new)
    return text


class Proxy:
    """
    A running proxy, and the files that it logs to.
    """

    def __init__(self, port, directory):
        self.port, self.directory = port, Path(directory)

    def logged(self):
        """
        Return all that it has written so far, wherever.
        """
        files = sorted(self.directory.glob("*.log"))
        return "".join(file.read_text("latin-1") for file in files)


@contextmanager
def nginx(upstream, *, change=lambda configuration: configuration):
    """
    Run nginx with the page's configuration in front of a port, changed as is said.
    """

    def write(directory, port):
        inner = replaced(
            change(on_page("nginx")),
            listen=("listen 8080;", f"listen 127.0.0.1:{port};"),
            server=("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
            logs=("/var/log/nginx/", f"{directory}/"),
        )
        file = directory / "nginx.conf"
        file.write_text(AROUND.format(directory=directory, inner=inner), "utf-8")
        return [_program("nginx"), "-p", f"{directory}/", "-c", str(file)]

    with _running(write) as proxy:
        yield proxy


@contextmanager
def haproxy(upstream, *, change=lambda configuration: configuration):
    """
    Run HAProxy with the page's configuration in front of a port, changed as is said.
    """

    def write(directory, port):
        text = replaced(
            change(on_page("haproxy")),
            bind=("bind :8080", f"bind 127.0.0.1:{port}"),
            server=("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
            # To its standard output, which the test keeps.
            log=("log 127.0.0.1:514 local0", "log stdout format raw local0"),
        )
        file = directory / "haproxy.cfg"
        file.write_text(text, "utf-8")
        return [_program("haproxy"), "-db", "-f", str(file)]

    with _running(write) as proxy:
        yield proxy


def _program(name):
    # Debian has both where only root looks.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextmanager
def _running(write):
    # nginx's workers are another user, if root starts them.
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        process, port = _started(write, directory)
        try:
            yield Proxy(port, directory)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _started(write, directory):
    """
    Start on a port that was free a moment ago; on another if it no longer is.
    """
    for _ in range(5):
        # Below those from which clients take theirs, so that it stays free.
        port = random.randrange(15_000, 30_000)
        if _is_taken(port):
            continue
        with (directory / "out.log").open("ab") as log:
            process = subprocess.Popen(write(directory, port), stdout=log, stderr=log)
        ends = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < ends:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return process, port
            time.sleep(0.02)
        process.kill()
        process.wait()
    raise AssertionError(Proxy(0, directory).logged())


def _is_taken(port):
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return False
    return True
