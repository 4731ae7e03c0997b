"""
What the documents show is what happens: their blocks run, in order.

Of README.md and every Markdown file below docs/, these fenced blocks run in a
directory of the document's own, which is empty at first:

- ``python``: all blocks of one document share one namespace, as one program.
- ``console``: lines that begin with ``$`` are commands, ``>`` continues one, and
  what follows is the output, compared if there is any. All commands of one block
  share one shell. A command must succeed, unless the next one looks at ``$?``. In
  the output, ``...`` stands for anything: on a line of its own for any lines.

A comment right before a block changes this:

- ``<!-- file: acme.py -->``: the block, of any language, is saved under this name.
- ``<!-- not run: WHY -->``: the block is only shown.
"""

from __future__ import annotations

import contextvars
import os
import re
import signal
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).resolve().parent.parent
# What the documentation's build writes is no document.
WRITTEN = (ROOT / "docs" / "_build", ROOT / "docs" / "reference" / "made")
DOCUMENTS = [
    ROOT / "README.md",
    *(
        path
        for path in sorted(ROOT.glob("docs/**/*.md"))
        if not any(path.is_relative_to(written) for written in WRITTEN)
    ),
]
SECONDS_PER_BLOCK = 120

# A reader would try these, but they would not run here.
LOOKALIKES = {"bash", "py", "pycon", "python3", "sh", "shell", "zsh"}

FENCE = re.compile(r"(?P<indent> *)(?P<ticks>```+|~~~+) *(?P<language>[^\s`]*)")
COMMENT = re.compile(
    r"<!--\s*(?P<what>not run|file):\s*(?P<detail>((?!-->).)*?)\s*-->\s*\Z", re.DOTALL
)


@attrs.frozen
class Block:
    """
    A fenced block: where it is, what it says, and what its comment says.
    """

    path: Path
    line: int
    language: str
    text: str
    file: str | None
    why_not_run: str | None

    @property
    def place(self) -> str:
        """
        Return what editors and terminals take as a link to the block.
        """
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks_of(path: Path) -> list[Block]:
    """
    Return the fenced blocks of the document at *path*.
    """
    blocks: list[Block] = []
    before = ""
    lines = enumerate(path.read_text("utf-8").splitlines(), start=1)
    for number, line in lines:
        fence = FENCE.match(line)
        if fence is None:
            before += line + "\n"
            continue
        closing = rf" *{fence['ticks']}[`~]* *"
        text = ""
        for _, inner in lines:
            if re.fullmatch(closing, inner):
                break
            text += inner.removeprefix(fence["indent"]) + "\n"
        comment = COMMENT.search(before)
        detail = {comment["what"]: comment["detail"]} if comment else {}
        blocks.append(
            Block(
                path,
                number,
                fence["language"],
                text,
                file=detail.get("file"),
                why_not_run=detail.get("not run"),
            )
        )
        before = ""
    return blocks


class Runner:
    """
    Runs the blocks of one document, in one directory and one namespace.
    """

    def __init__(self, directory: Path, processes: ExitStack) -> None:
        self.directory = directory
        self.processes = processes
        # A module, for attrs and pickle look up where a class was defined.
        self.program = types.ModuleType("__main__")
        self.context = contextvars.copy_context()

    def run(self, block: Block) -> None:
        """
        Do with *block* what its language and its comment ask for.
        """
        if block.why_not_run is not None:
            assert block.why_not_run, f"{block.place}: not run, but why?"
        elif block.file is not None:
            file = self.directory / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, "utf-8")
        elif block.language == "python":
            self.run_python(block)
        elif block.language == "console":
            self.run_console(block)
        else:
            assert block.language not in LOOKALIKES, (
                f"{block.place}: only python and console blocks run; use one of these, "
                "or say <!-- not run: why --> before it"
            )

    def run_python(self, block: Block) -> None:
        """
        Run *block* so that tracebacks show the document's own lines.
        """
        source = "\n" * block.line + block.text
        try:
            code = compile(source, str(block.path), "exec", dont_inherit=True)
            self.context.run(exec, code, vars(self.program))
        except (Exception, SystemExit) as exc:
            msg = f"{block.place}: this python block raised {type(exc).__name__}"
            raise AssertionError(msg) from exc

    def run_console(self, block: Block) -> None:
        """
        Run the commands of *block* and compare what they print.
        """
        commands = commands_of(block)
        seen = self.outputs(block, [command for command, _ in commands])
        looked_at = ["$?" in command for command, _ in commands[1:]] + [False]
        for (command, expected), (output, status), may_fail in zip(
            commands, seen, looked_at, strict=True
        ):
            shown = f"{block.place}: $ {command}\n{output}"
            assert status == 0 or may_fail, f"{shown}\nended with status {status}"
            assert not expected.strip() or matches(expected, output), (
                f"{shown}\nis not what the document shows:\n{expected}"
            )

    def outputs(self, block: Block, commands: list[str]) -> list[tuple[str, int]]:
        """
        Return output and exit status of each of *commands*, run by one shell.
        """
        mark = "-- end of command --"
        script = "".join(
            f"{command}\n(s=$?; echo; echo '{mark}' $s; exit $s)\n"
            for command in commands
        )
        # Not a pipe: a server left running in the background would keep it open.
        with tempfile.TemporaryFile() as printed:
            shell = subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.directory,
                env=os.environ | {"PATH": search_path()},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.processes.callback(end_session, shell)
            with suppress(subprocess.TimeoutExpired):
                shell.wait(SECONDS_PER_BLOCK)
            printed.seek(0)
            text = printed.read().decode(errors="replace")
        assert shell.returncode is not None, (
            f"{block.place}: not done after {SECONDS_PER_BLOCK} seconds\n{text}"
        )
        seen = re.findall(rf"(.*?)\n{mark} (\d+)\n", text, re.DOTALL)
        assert len(seen) == len(commands), f"{block.place}: the shell ended\n{text}"
        return [(output, int(status)) for output, status in seen]


def commands_of(block: Block) -> list[tuple[str, str]]:
    """
    Return each command of a console *block* with the output shown for it.
    """
    commands: list[tuple[str, str]] = []
    complete = True
    for line in block.text.splitlines():
        if line.startswith("$ "):
            commands.append((line.removeprefix("$ "), ""))
            complete = not line.endswith("\\")
            continue
        assert commands, (
            f"{block.place}: a console block begins with a command, as in `$ ls`; for "
            "another, say <!-- not run: why --> before it"
        )
        command, output = commands[-1]
        if not output and (not complete or line.startswith(">")):
            commands[-1] = (f"{command}\n{re.sub('^> ?', '', line)}", "")
            complete = not line.endswith("\\")
        else:
            commands[-1] = (command, f"{output}{line}\n")
    return commands


def matches(expected: str, output: str) -> bool:
    """
    Return whether *output* is what was *expected*, but for spaces at line ends.
    """
    pattern = "".join(
        r"(?:.*\n)*?"
        if line.strip() == "..."
        else ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in lines_of(expected)
    )
    text = "".join(f"{line}\n" for line in lines_of(output))
    return re.fullmatch(pattern, text) is not None


def lines_of(text: str) -> list[str]:
    """
    Return the lines of *text* without spaces at their ends or blank lines around.
    """
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).strip("\n").splitlines()


def search_path() -> str:
    """
    Return PATH with the programs of this environment first.
    """
    return os.pathsep.join(
        (str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
    )


def end_session(shell: subprocess.Popen[bytes]) -> None:
    """
    End *shell* and whatever it left running in the background.
    """
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGTERM)
    shell.wait()


@contextmanager
def modules_forgotten(directory: Path) -> Iterator[None]:
    """
    Forget afterwards what was imported from *directory*, and meanwhile what the tests
    have imported from their own folders: `acme` is a module of theirs, too.
    """
    tests = f"{ROOT / 'tests'}{os.sep}"
    theirs = {
        name: module for name, module in sys.modules.items() if _is_in(tests, module)
    }
    for name in theirs:
        del sys.modules[name]
    try:
        yield
    finally:
        for name, module in list(sys.modules.items()):
            if _is_in(f"{directory}{os.sep}", module):
                del sys.modules[name]
        sys.modules.update(theirs)


def _is_in(directory: str, module: object) -> bool:
    return str(getattr(module, "__file__", "")).startswith(directory)


@pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_what_a_document_shows_is_what_happens(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Every python and console block of the document runs and prints what it shows.
    """
    with modules_forgotten(tmp_path), ExitStack() as processes:
        runner = Runner(tmp_path, processes)
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(sys.modules, "__main__", runner.program)
        for block in blocks_of(path):
            runner.run(block)
