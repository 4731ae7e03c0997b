"""
The second implementation: it reads every vector, and the library reads what it writes.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from making.world import SECRET, Acme, Tier, World, make_rings
from vector_files import ROOT, VECTORS, load, paths_of

from cxcontext.core.known import Known

EXAMPLE = ROOT / "examples" / "node_reader"
SECONDS = 300
FACTS = {"1": {"1": "Alex Doe"}, "2": {"10": "A-118", "13": True, "16": 2.5}}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """
    Return what runs a script of the example, installed in a directory of its own.
    """
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} cannot be found: install Node.js 20.19")
    place = tmp_path_factory.mktemp("node") / "node_reader"
    ignored = shutil.ignore_patterns("node_modules", "package-lock.json")
    shutil.copytree(EXAMPLE, place, ignore=ignored)
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    installed = subprocess.run(
        [*install, "--prefer-offline"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"npm cannot install: {installed.stderr.strip()[-300:]}")

    def run(script: str, *arguments: str | Path, stdin: str = "") -> tuple[int, str]:
        done = subprocess.run(
            ["node", script, *map(str, arguments)],
            cwd=place,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_it_reads_every_vector(node, kind):
    """
    It reads each valid vector as its file says, and refuses each other with its code.
    """
    paths = paths_of(kind)

    status, output = node("read.mjs", *paths)

    expected = [f"ok {path.stem}: {load(path).get('error', 'valid')}" for path in paths]
    assert (0, expected) == (status, output.splitlines())


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("valid", "one-statement", {"now": 0}),
        ("valid", "conflict", {"receiver": "ivr"}),
        ("invalid", "replayed", {"error": "wrong_reply"}),
        ("invalid", "cbor-cut-off", {"error": "not_canonical"}),
    ],
)
def test_it_says_where_a_vector_is_not_as_its_file_says(
    node, tmp_path, kind, name, change
):
    """
    A vector that is not what its file says is called wrong, and the program fails.
    """
    for shared in ("keys", "vocabularies"):
        shutil.copytree(VECTORS / shared, tmp_path / shared)
    vector = load(VECTORS / kind / f"{name}.json")
    for member, value in change.items():
        inside = vector["expectation"] if member == "now" else vector
        inside[member] = value
    (tmp_path / kind).mkdir()
    path = tmp_path / kind / f"{name}.json"
    path.write_text(json.dumps(vector))

    status, output = node("read.mjs", path)

    assert (1, True) == (status, output.startswith(f"WRONG {name}"))


@pytest.mark.parametrize("keys", ["acme", "acme-p256", "acme-pq"])
def test_the_library_reads_a_journey_that_it_begins(node, keys):
    """
    What it writes with keys of each kind verifies here, and is recalled.
    """
    world = World(make_rings()[keys], "node")

    text = begun(node, world, keys)

    journey = world["support"].receive(text)
    assert "sales" == journey.received_from
    assert "Alex Doe" == journey.recall(Acme.full_name)
    assert "A-118" == journey.recall(Acme.order_number)
    assert 2.5 == journey.recall(Acme.weight)
    assert journey.recall(Acme.gift)


def test_the_library_reads_what_it_adds_to_a_journey_of_the_library(node):
    """
    A statement that it makes supersedes what the library's said before, as it should.
    """
    world = World(make_rings()["acme"], "node")
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.full_name, "Alex")
    journey.learn(Acme.attempts, 1, known=Known.OBSERVED)
    fork = journey.fork()
    fork.learn(Acme.order_number, "A-118")
    journey.learn(Acme.email, "alex@example.com")
    journey.merge(fork)
    facts = {"1": {"1": "Alex Doe"}, "4": {"31": 2}}

    text = appended(node, world, str(journey.hand_over("support")), facts)

    received = world["billing"].receive(text)
    assert journey.id == received.id
    assert "Alex Doe" == received.recall(Acme.full_name)
    assert "A-118" == received.recall(Acme.order_number)
    assert "alex@example.com" == received.recall(Acme.email)
    assert 2 == received.recall(Acme.attempts)
    assert [*received.context.authors] == ["sales", "sales", "sales", "support"]


def test_the_library_builds_upon_what_it_wrote(node):
    """
    A journey goes from it to the library and back, and each reads the other.
    """
    world = World(make_rings()["acme"], "node")
    journey = world["support"].receive(begun(node, world, "acme"))
    journey.correct(Acme.order_number, "B-2")
    journey.correct(Acme.full_name, "Alexandra Doe")

    text = appended(
        node,
        world,
        str(journey.hand_over("billing")),
        {"2": {"10": "B-3"}},
        by="billing",
        to="sales",
    )

    back = world["sales"].receive(text)
    assert "B-3" == back.recall(Acme.order_number)
    assert "Alexandra Doe" == back.recall(Acme.full_name)


def test_the_library_and_it_read_each_others_erasable_journeys(node):
    """
    With the same secret each reads what the other locked, and without it nobody.
    """
    world = World(make_rings()["acme"], "node")
    secret = ("--secret", SECRET.hex())
    journey = world["support"].receive(begun(node, world, "acme", *secret))
    assert journey.is_erasable
    journey.learn(Acme.tier, Tier.GOLD)

    text = appended(
        node,
        world,
        str(journey.hand_over("billing")),
        {"1": {"5": "basic"}},
        *secret,
        by="billing",
        to="sales",
    )

    back = world["sales"].receive(text)
    assert "Alex Doe" == back.recall(Acme.full_name)
    assert Tier.BASIC is back.recall(Acme.tier)


@pytest.mark.parametrize("secret", [(), ("--secret", "00" * 32)])
def test_it_adds_nothing_that_the_secret_does_not_fit(node, secret):
    """
    An erasable journey is added to with a secret, and no other is.
    """
    world = World(make_rings()["acme"], "node")
    journey = world["sales"].begin(channel="chat", erasable=not secret)
    text = str(journey.hand_over("support"))

    status, output = node(
        "write.mjs",
        *("append", VECTORS / "keys" / "acme.json", "support", "billing", "{}"),
        *("--now", str(world.clock.now_s), *secret),
        stdin=text,
    )

    assert 2 == status
    assert "--secret" in output


def test_it_adds_nothing_to_what_it_would_refuse(node):
    """
    An envelope for another department is not built upon.
    """
    world = World(make_rings()["acme"], "node")
    text = str(world["sales"].begin(channel="chat").hand_over("billing"))

    status, output = node(
        "write.mjs",
        *("append", VECTORS / "keys" / "acme.json", "support", "billing", "{}"),
        *("--now", str(world.clock.now_s)),
        stdin=text,
    )

    assert 1 == status
    assert "wrong_audience" in output


def test_it_names_exact_versions_and_no_place():
    """
    Its packages are of exact versions, and nothing says from where they come.
    """
    package = json.loads((EXAMPLE / "package.json").read_text())

    assert all(
        re.fullmatch(r"\d+\.\d+\.\d+", version)
        for version in package["dependencies"].values()
    )
    assert not (EXAMPLE / "package-lock.json").exists()


def test_it_shares_no_code_with_the_library():
    """
    It is JavaScript all of it, and runs nothing else.
    """
    scripts = [*EXAMPLE.glob("*.mjs"), *(EXAMPLE / "src").glob("*.mjs")]

    assert scripts
    assert not [
        script
        for script in scripts
        if re.search(r"child_process|\.py\b|wasm", script.read_text())
    ]


def begun(node, world, keys, *options):
    """
    Return the text form of a journey that Node.js begins.
    """
    status, output = node(
        "write.mjs",
        *("begin", VECTORS / "keys" / f"{keys}.json", "sales", "support"),
        json.dumps(FACTS),
        *("--now", str(world.clock.now_s), *options),
    )
    assert 0 == status, output
    return output.strip()


def appended(node, world, text, facts, *options, by="support", to="billing"):
    """
    Return the text form of *text* with a statement of Node.js upon it.
    """
    status, output = node(
        "write.mjs",
        *("append", VECTORS / "keys" / "acme.json", by, to, json.dumps(facts)),
        *("--now", str(world.clock.now_s), *options),
        stdin=text,
    )
    assert 0 == status, output
    return output.strip()
