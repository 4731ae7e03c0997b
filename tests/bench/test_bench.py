"""
The benchmark: every row is printed, and every comparison is like for like.

How long anything takes says more about the machine than about the library, so no
test here asks.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Before the folder of these tests, which has the same name.
sys.path.insert(0, str(ROOT))

from bench.__main__ import DISTRIBUTIONS, SECTIONS, main  # noqa: E402
from bench.comparison import find_peers, timed  # noqa: E402
from bench.crypto import Operations, Raw, count_operations  # noqa: E402
from bench.envelope import make_bench  # noqa: E402
from bench.imports import cryptography_modules  # noqa: E402
from bench.payload import READ, SCOPED, Ring, Shop, fill  # noqa: E402
from bench.peers import MAKERS  # noqa: E402
from bench.table import Table, verdict  # noqa: E402
from bench.timing import Case, exponent, measure  # noqa: E402

TINY = (
    *("--rounds", "1"),
    *("--growth-rounds", "1"),
    *("--growth-up-to", "4"),
    *("--import-rounds", "1"),
    *("--statements", "20"),
    *("--home-rounds", "1"),
    *("--home-seconds", "0.05"),
    *("--resting", "20"),
    *("--call-rounds", "1"),
    *("--call-seconds", "0.1"),
    *("--queue-rounds", "1"),
    *("--queue-messages", "20"),
    *("--web-rounds", "1"),
    *("--web-seconds", "0.1"),
    *("--web-stacks", "gunicorn"),
)

# What the targets are about, by the words of their rows.
TARGETS = (
    "seal: structure, encode, 4 HPKE seals, 1 signature",
    "hand_over of the same with its delivery",
    "receive cold and read 2 of 4 scopes",
    "receive the next envelope of a 3-hop journey",
    "the same bytes again",
    "10 hops, statements seen before, new delivery",
    "text with delivery",
    "each further hop, 2 short facts in 1 scope",
    "import cxcontext",
    "tracemalloc",
    "resident set",
    "mint",
    "check",
    "4 processes, put and redeem",
    "emit a User-to-User",
    "parse a User-to-User to its reference",
    "emit a Refer-To",
    "ours, the same envelope again",
    "ours, a new envelope each",
)


@pytest.fixture(scope="module")
def report():
    """
    What the one command prints, as a user starts it.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench", *TINY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


class TestReport:
    """
    The one command.
    """

    @pytest.mark.parametrize("target", TARGETS)
    def test_every_target_has_a_row_with_its_verdict(self, report, target):
        """
        Each target is printed, and the line says whether it is met.
        """
        if target.startswith("ours, ") and shutil.which("wrk") is None:
            pytest.skip("wrk is not installed")
        (line,) = (line for line in report.splitlines() if line.startswith(target))

        assert re.search(r"met$|MISSED$|not known here", line.strip())

    def test_versions_are_printed(self, report):
        """
        The report says which version of each package it measured.
        """
        for name in DISTRIBUTIONS:
            assert re.search(rf"^{name} +\d", report, re.MULTILINE)

    @pytest.mark.parametrize("name", [*MAKERS, "cwt"])
    def test_every_peer_is_compared_or_named_as_absent(self, report, name):
        """
        No peer is passed over in silence.
        """
        assert re.search(rf"^(absent: )?{name} ", report, re.MULTILINE)

    @pytest.mark.parametrize("unit", ["statement", "fact", "scope"])
    def test_growth_is_printed_for_each_unit(self, report, unit):
        """
        What one more statement, fact or scope costs has a table.
        """
        assert f"Growth with {unit}s" in report

    def test_every_job_is_compared_with_its_own_cryptography(self, report):
        """
        No row is reported as not like for like.
        """
        assert "not like for like" not in report

    def test_markdown_has_the_same_tables(self, capsys):
        """
        With --markdown, what is printed can be pasted into a document.
        """
        main([*TINY, "--markdown", "--only", "envelope"])

        printed = capsys.readouterr().out
        assert "### Circumstances\n\n| what | which |\n| --- | --: |\n" in printed
        assert "| text with delivery | " in printed

    def test_json_has_the_same_tables(self, tmp_path, capsys):
        """
        With --json, the tables are written to a file, too.
        """
        main([*TINY, "--json", str(tmp_path / "bench.json"), "--only", "growth"])

        assert "Growth with facts" in (tmp_path / "bench.json").read_text()

    def test_a_section_can_be_run_alone(self, capsys):
        """
        Only what was asked for is measured.
        """
        main([*TINY, "--only", "growth"])

        printed = capsys.readouterr().out
        assert "Growth with facts" in printed
        assert "Bytes" not in printed
        assert set(SECTIONS) == {
            *("calls", "envelope", "growth", "homes"),
            *("import", "memory", "queues", "web"),
        }


class TestYardstick:
    """
    The raw cryptography that every ratio is a ratio to.
    """

    def test_it_does_exactly_the_operations_it_is_asked_for(self):
        """
        What the yardstick is seen to call is what it was made to call.
        """
        envelope = fill(Ring(Shop).department("care").begin(channel="voice")).hand_over(
            "billing"
        )
        wanted = Operations(seals=4, opens=2, signatures=2, verifications=1)

        run = Raw(envelope).job(wanted)

        assert wanted == count_operations(lambda: run(None))

    def test_every_row_does_the_cryptography_it_is_compared_with(self):
        """
        No job does more or less than its yardstick, so no cache flatters it.
        """
        for row in make_bench().rows:
            assert row.job in (None, row.really), row.case.name


class TestPayload:
    """
    What is carried, by the library and by the peers.
    """

    def test_the_reader_reads_two_scopes_of_four(self):
        """
        Six facts of two scopes are read, and four scopes are sealed.
        """
        assert {"contact", "order"} == {key.scope.name for key in READ}
        assert {s.name for s in Shop.scopes.values()} == set(SCOPED)

    def test_departments_share_keys_and_no_cache(self):
        """
        A second department of the same name has not seen what the first has.
        """
        ring = Ring(Shop)
        text = str(
            fill(ring.department("care").begin(channel="voice")).hand_over("billing")
        )
        first = ring.department("billing")
        first.receive(text)
        second = ring.department("billing")

        assert 0 == count_operations(lambda: first.receive(text)).verifications
        assert 2 == count_operations(lambda: second.receive(text)).verifications


class TestTools:
    """
    Timing, tables and peers.
    """

    def test_every_case_runs_as_often_as_every_other(self):
        """
        Each round times every case once, whatever the order.
        """
        cases = [Case(name, lambda _: None) for name in "abc"]

        measure(cases, rounds=4)

        assert [4, 4, 4] == [len(case.seconds) for case in cases]
        assert ["a", "b", "c"] == [case.name for case in cases]

    def test_the_exponent_of_a_square_is_two(self):
        """
        What grows quadratically is told from what grows linearly.
        """
        sizes = [1, 2, 4, 8, 16]

        assert 2 == pytest.approx(exponent(sizes, [3.0 * n * n for n in sizes]))
        assert 1 == pytest.approx(exponent(sizes, [5.0 * n for n in sizes]))

    def test_a_target_is_met_up_to_the_very_figure(self):
        """
        The figure itself still meets its target.
        """
        assert "met" == verdict(1600, 1600)
        assert "MISSED" == verdict(1601, 1600)

    def test_both_forms_of_a_table_have_every_cell(self):
        """
        Terminal and document show the same.
        """
        table = Table("T", ("what", "us"), [["seal", "12"]], ["a remark"])

        for form in (table.as_text(), table.as_markdown()):
            for cell in ("T", "what", "us", "seal", "12", "a remark"):
                assert cell in form

    def test_the_yardstick_of_imports_is_what_the_library_imports(self):
        """
        The modules are read from the library's own files.
        """
        modules = cryptography_modules()

        assert "cryptography.hazmat.primitives.hpke" in modules
        assert "cryptography.x509" not in modules

    def test_peers_that_are_here_open_what_they_seal(self):
        """
        Whatever peer is installed is checked before it is timed.
        """
        peers, absent = find_peers(None)

        assert len(MAKERS) + 1 == len(peers) + len(absent)
        for peer in peers:
            assert timed(peer).text_bytes > 0

    def test_a_folder_without_cwt_makes_it_absent(self, tmp_path):
        """
        What is not there is named, and nothing breaks.
        """
        _, absent = find_peers(tmp_path, only=["cwt"])

        assert {"cwt": "not installed"} == absent
