"""
The command as a process: its streams, its signals, and what is not installed.
"""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cxcontext.cli import main

RUN = "import sys; from cxcontext.cli import main; sys.exit(main(sys.argv[1:]))"
WITHOUT_RICH = f"import sys; sys.modules['rich'] = None; {RUN}"
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"


def test_without_arguments_the_command_says_what_it_wants(command):
    """
    No command is a usage error of one line.
    """
    ran = command()

    (line,) = ran.stderr.splitlines()
    assert (2, b"") == (ran.returncode, ran.stdout)
    assert b"cxcontext: the following arguments are required: COMMAND" in line


@pytest.mark.parametrize(
    "arguments",
    [(), ("keys",), ("keys", "init"), ("vocabulary", "check"), ("inspect",), ("demo",)],
)
def test_every_command_has_help(run, arguments):
    """
    Help is printed, and is no error.
    """
    ran = run(*arguments, "--help")

    assert (0, "") == (ran.status, ran.err)
    assert ran.out.startswith("usage: cxcontext")


def test_an_interrupt_is_quiet(shop):
    """
    Ctrl-C ends the command with 130 and without a word.
    """
    process = subprocess.Popen(
        # A shell may have told the tests, and so this process, to ignore it.
        [sys.executable, "-c", f"{LISTEN}; {RUN}", "inspect"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # No pipe holds so much: once it is written, the command is reading.
    process.stdin.write(bytes(200_000))
    process.stdin.flush()
    process.send_signal(signal.SIGINT)

    out, err = process.communicate(timeout=60)

    assert (130, b"", b"") == (process.returncode, out, err)


def test_a_full_disk_is_one_line(shop, command):
    """
    Output that cannot be written is a line on standard error, and status 2.
    """
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "cxcontext.cli", "vocabulary", "check"]
            + ["wares:Wares"] * 2,
            cwd=shop,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    assert 2 == ran.returncode
    assert (
        b"cxcontext: cannot write the output: No space left on device\n" == ran.stderr
    )


class Gone(io.StringIO):
    """
    A stream that nobody reads any more, and that is no file.
    """

    def write(self, text: str) -> int:
        """
        Raise what a closed pipe does.
        """
        raise BrokenPipeError(len(text))


def test_a_stream_of_somebody_elses_is_left_alone(shop, monkeypatch):
    """
    In a process whose output is no file, a reader that went away is quiet, too.
    """
    monkeypatch.setattr(sys, "stdout", Gone())

    assert 141 == main(["vocabulary", "check", "wares:Wares", "wares:Wares"])


def on_a_terminal(*arguments: str, cwd: Path, code: str) -> str:
    """
    Return what the command prints on a terminal.
    """
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=os.environ | {"COLUMNS": "400", "TERM": "xterm"},
    ) as process:
        os.close(follower)
        printed = b""
        while True:
            try:
                more = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            if not more:
                break
            printed += more
        process.wait(60)
    os.close(leader)
    return printed.decode()


def test_tables_are_rich_on_a_terminal(keys):
    """
    With rich and a terminal, tables have lines around them.
    """
    printed = on_a_terminal("keys", "show", "keys", cwd=keys.parent, code=RUN)

    assert "━" in printed
    assert "billing" in printed


def test_tables_are_plain_without_rich(keys):
    """
    Without rich a terminal gets the same table in plain text.
    """
    printed = on_a_terminal("keys", "show", "keys", cwd=keys.parent, code=WITHOUT_RICH)

    assert "━" not in printed
    assert "signing keys:" in printed
    assert "Traceback" not in printed


def test_a_terminal_without_an_envelope_is_not_waited_for(shop):
    """
    Where nothing is piped in, the command says so instead of waiting.
    """
    printed = on_a_terminal("inspect", cwd=shop, code=RUN)

    assert "no envelope; give its text, @FILE, or pipe it in" in printed


def test_standard_streams_may_be_closed(shop):
    """
    With no standard input or output at all there is still no traceback.
    """
    ran = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m cxcontext.cli inspect <&- >&-"],
        cwd=shop,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )

    assert 2 == ran.returncode
    assert (
        b"cxcontext: no envelope; give its text, @FILE, or pipe it in\n" == ran.stderr
    )


@pytest.mark.parametrize("missing", ["uvicorn", "httpx"])
def test_the_demo_says_what_to_install(shop, missing):
    """
    Without its two packages the demo is one line that says how to get them.
    """
    code = f"import sys; sys.modules['{missing}'] = None; {RUN}"

    ran = subprocess.run(
        [sys.executable, "-c", code, "demo"],
        cwd=shop,
        capture_output=True,
        timeout=60,
        check=False,
    )

    (line,) = ran.stderr.decode().splitlines()
    assert (2, b"") == (ran.returncode, ran.stdout)
    assert line.startswith("cxcontext: the demo cannot run: ")
    assert missing in line
    assert "pip install 'cxcontext[demo]'" in line


def test_the_demo_is_a_command(command):
    """
    The main job runs from the command line, and prints JSON for machines.
    """
    ran = command("demo", "--json")

    assert (0, b"") == (ran.returncode, ran.stderr)
    assert json.loads(ran.stdout)
