"""
Kamailio, sipp and baresip, started from what is installed, on free ports.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import pytest
from servers import Server, free_port, within_patience

HOST = "127.0.0.1"

# Takes from every request all that is ours and all that is not needed for the call to
# be made: of a Refer-To what is not Replaces, of a Request-URI all headers.
STRIP = r"""
    remove_hf_re("^(User-to-User|x-.*|P-.*|Referred-By|Session-ID|Call-Info)$");
    subst('/^(Refer-To:.*)[?&]User-to-User=[^>&]*/\1/i');
    if ($ru =~ "\?") { $ru = $(ru{s.select,0,?}); }
"""
_CONFIG = Path(__file__).with_name("scenarios") / "kamailio.cfg"


def installed(name: str) -> str:
    """
    Return where a program is, or skip the test.
    """
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Kamailio(Server):
    """
    A proxy that sends calls to users by their names.

    Args:
        routes: The port of every user.
        strip: Whether it takes every header that could carry something.
        port: Its own.
        timer_ms: How long it waits for whom it has sent a request to.
    """

    def __init__(
        self,
        routes: dict[str, int],
        *,
        strip: bool = False,
        port: int | None = None,
        timer_ms: int = 5000,
    ) -> None:
        directory = tempfile.mkdtemp(prefix="cx-kamailio-")
        self.port = port or free_port()
        lines = "\n".join(
            f'    if ($rU == "{user}") {{ $du = "sip:{HOST}:{at};transport=" + $proto; }}'
            for user, at in routes.items()
        )
        config = _CONFIG.read_text().format(
            host=HOST,
            port=self.port,
            routes=lines,
            strip=STRIP if strip else "",
            timer_ms=timer_ms,
        )
        path = Path(directory) / "kamailio.cfg"
        path.write_text(config)
        options = ("-DD", "-E", "-w", directory, "-Y", directory, "-m", "64", "-M", "8")
        super().__init__((installed("kamailio"), "-f", str(path), *options), directory)

    def __enter__(self) -> Self:
        self.start()
        within_patience(self._answers)
        return self

    def __exit__(self, *_problem: object) -> None:
        self.signal(signal.SIGTERM)
        self.end()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.2)
            asking.bind((HOST, 0))
            here = f"{HOST}:{asking.getsockname()[1]}"
            lines = [
                f"OPTIONS sip:{HOST}:{self.port} SIP/2.0",
                f"Via: SIP/2.0/UDP {here};branch=z9hG4bKready;rport",
                f"From: <sip:ready@{here}>;tag=1",
                f"To: <sip:{HOST}:{self.port}>",
                "Call-ID: ready",
                "CSeq: 1 OPTIONS",
                "Max-Forwards: 70",
                "Content-Length: 0",
                "",
                "",
            ]
            asking.sendto("\r\n".join(lines).encode(), (HOST, self.port))
            return asking.recv(2000).startswith(b"SIP/2.0 200")


_BARESIP = """sip_listen {host}:{port}
sip_trans_def udp
call_max_calls 8
audio_player aubridge,n
audio_source aubridge,n
audio_alert aubridge,n
module_path {modules}
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
"""


class Baresip(Server):
    """
    A telephone that answers by itself, and is told what to do over a socket.
    """

    def __init__(self, user: str) -> None:
        program = installed("baresip")
        directory = tempfile.mkdtemp(prefix="cx-baresip-")
        self.user, self.port, self.control = user, free_port(), free_port()
        modules = next(iter(Path("/usr/lib").rglob("baresip/modules")), None)
        if modules is None:
            pytest.skip("baresip's modules are not installed")
        (Path(directory) / "config").write_text(
            _BARESIP.format(
                host=HOST, port=self.port, control=self.control, modules=modules
            )
        )
        (Path(directory) / "accounts").write_text(
            f"<sip:{user}@{HOST}:{self.port}>;regint=0;answermode=auto\n"
        )
        (Path(directory) / "contacts").write_text("")
        super().__init__((program, "-f", directory, "-v", "-s"), directory)

    def __enter__(self) -> Self:
        self.start()
        within_patience(lambda: self._connected().close() or True)
        return self

    def __exit__(self, *_problem: object) -> None:
        self.end()

    def tell(self, command: str, params: str = "") -> None:
        """
        Let it do something: ``dial``, ``transfer``, ``hangup``.
        """
        words = json.dumps({"command": command, "params": params, "token": "1"})
        with self._connected() as control:
            control.sendall(f"{len(words)}:{words},".encode())
            control.settimeout(5)
            control.recv(4096)

    def _connected(self) -> socket.socket:
        return socket.create_connection((HOST, self.control), timeout=1)


def sipp(*options: str) -> subprocess.Popen[bytes]:
    """
    Start sipp, without its screen.
    """
    return subprocess.Popen(
        [installed("sipp"), *options, "-nostdin"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
