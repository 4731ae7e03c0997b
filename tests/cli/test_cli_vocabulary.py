"""
``cxcontext vocabulary``: the file, and a line per finding.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from cxcontext.core.vocabulary_file import vocabulary_from_json


@pytest.fixture
def exported(shop, run) -> Any:
    """
    The shop's vocabulary as a document to be changed, with a writer of files.
    """
    return json.loads(run("vocabulary", "export", "wares:Wares").out)


@pytest.fixture
def files(shop, exported):
    """
    Write old.json, and new.json with changes; return nothing.
    """

    def write(change: Any) -> None:
        (shop / "old.json").write_text(json.dumps(exported))
        change(exported)
        (shop / "new.json").write_text(json.dumps(exported))

    return write


def widened(document: Any) -> None:
    """
    Let a field be a number too, with a higher revision: a warning.
    """
    document["fields"]["card_last4"]["type"] = {"union": ["integer", "text"]}
    document["revision"] = 2


def dropped(document: Any) -> None:
    """
    Drop a field without retiring its number: breaking.
    """
    del document["fields"]["full_name"]
    document["revision"] = 2


def extended(document: Any) -> None:
    """
    Add a field: a note.
    """
    document["fields"]["more"] = {"number": 9, "scope": "order", "type": "text"}
    document["revision"] = 2


def test_export_prints_the_file(shop, run):
    """
    What is printed is what other repositories read.
    """
    ran = run("vocabulary", "export", "wares:Wares")

    assert 0 == ran.status
    assert vocabulary_from_json(ran.out).fields.keys() >= {"order_number", "language"}


def test_export_is_utf8_in_every_locale(shop, command):
    """
    A label in French is the same bytes where the locale knows no accents.
    """
    module = (shop / "wares.py").read_text()
    (shop / "wares.py").write_text(
        module.replace("1, str,", "1, str, label='le numéro',"), "utf-8"
    )

    ran = command(
        "vocabulary",
        "export",
        "wares:Wares",
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )

    assert 0 == ran.returncode
    assert "le numéro" in ran.stdout.decode("utf-8")


def test_a_trust_domain_names_its_vocabulary(keys, run):
    """
    MODULE:NAME may be the domain that is made from the vocabulary.
    """
    (keys.parent / "made.py").write_text(
        "import cxcontext as cx\nfrom wares import Wares\n"
        "wares = cx.TrustDomain('wares.example', Wares,"
        " keys=cx.KeySet.load('keys/wares.keys.json'))\n"
    )

    assert 0 == run("vocabulary", "check", "made:wares", "wares:Wares").status


@pytest.mark.parametrize(
    ("change", "fail_on", "status", "begins"),
    [
        (lambda _: None, "warning", 0, "no findings"),
        (widened, "warning", 1, "warning type_widened field 3 card_last4: "),
        (widened, "breaking", 0, "warning type_widened field 3 card_last4: "),
        (dropped, "warning", 1, "breaking number_dropped field 1 full_name: "),
        (dropped, "breaking", 1, "breaking number_dropped field 1 full_name: "),
        (extended, "warning", 0, "note field_added field 9 more: "),
    ],
)
def test_check_prints_a_line_per_finding(files, run, change, fail_on, status, begins):
    """
    The status is 1 for what is breaking or a warning; notes do not count.
    """
    files(change)

    ran = run("vocabulary", "check", "old.json", "new.json", "--fail-on", fail_on)

    (line,) = ran.out.splitlines()
    assert status == ran.status
    assert line.startswith(begins)


def test_check_is_json_for_machines(files, run):
    """
    Each finding has its level, code, subject, what and what it means.
    """
    files(dropped)

    ran = run("vocabulary", "check", "old.json", "wares:Wares", "--json")
    found = run("vocabulary", "check", "old.json", "new.json", "--json")
    (finding,) = json.loads(found.out)

    assert (0, []) == (ran.status, json.loads(ran.out))
    assert 1 == found.status
    assert {"level", "code", "subject", "what", "means"} == finding.keys()
    assert ("breaking", "number_dropped") == (finding["level"], finding["code"])


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("no.json", None, "no.json: No such file or directory"),
        (
            "bad.json",
            "{}",
            "bad.json: vocabulary file: cxcontext_vocabulary is missing",
        ),
        ("bad.json", "\x1b[2J", "bad.json: vocabulary file: the file is not a JSON"),
        ("wares", None, "wares is neither a file nor MODULE:NAME"),
        (":Wares", None, ":Wares is neither a file nor MODULE:NAME"),
        ("wares:__name__", None, "is no vocabulary; name a class that is derived"),
        ("raising:X", "1 / 0", "importing raising raised ZeroDivisionError"),
        ("leaving:X", "raise SystemExit(3)", "importing leaving raised SystemExit: 3"),
        ("broken:X", "def", "importing broken raised SyntaxError"),
        (
            "wanting:X",
            "import nonexistent_thing",
            "No module named 'nonexistent_thing'",
        ),
        (
            "half:X",
            "open('no.txt')\nX = 1",
            "half loads no.txt, which is not there yet",
        ),
        ("a.b.c:X", None, "no module a.b.c here or installed"),
    ],
)
def test_what_cannot_be_read_is_one_line(shop, run, name, text, words):
    """
    A vocabulary that is not there or not one is named, with what to do.
    """
    if text is not None:
        file = name if name.endswith(".json") else f"{name.partition(':')[0]}.py"
        (shop / file).write_text(text)

    ran = run("vocabulary", "export", name)

    assert 2 == ran.status
    assert words in ran.line
    assert ran.line.isprintable()


def test_a_reader_that_goes_away_is_no_error(shop):
    """
    With a closed pipe behind it the command ends without a word, as by the signal.
    """
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "cxcontext.cli", "vocabulary", "export", "wares:Wares"],
        cwd=shop,
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(read)
    os.close(write)

    _, err = process.communicate(timeout=60)

    assert (141, b"") == (process.returncode, err)
