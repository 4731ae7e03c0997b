"""
The pytest plugin, in test-suites of its own: what it gives, costs and says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
# What all the suites below begin with.
BEGINNING = """
import logging

import pytest

import cxcontext as cx
from cxcontext.testing import *

Shop = SampleShop
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    """
    Runs a test-suite of one file, with the plugin and nothing else configured.
    """
    # Whatever else is installed here is not asked, and costs no time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(text, *arguments):
        pytester.makepyfile(BEGINNING + textwrap.dedent(text))
        return pytester.runpytest_inprocess(
            "-p", "cxcontext_pytest", "-p", "no:cacheprovider", "-q", *arguments
        )

    return run


def fails(result, *lines):
    """
    Check that the one test failed and that its report has these lines, in order.
    """
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(lines)
    report = result.stdout.str()
    # Only what the assertion says, and where in the test: not the kit's insides.
    assert "src/cxcontext/testing" not in report
    return report


# --- fixtures --------------------------------------------------------------------


def test_the_fixtures_are_there(suite):
    """
    A domain for one's own vocabulary, a sample one, a story, a clock and a home.
    """
    result = suite("""
        class Own(cx.Vocabulary, revision=1):
            order = cx.Scope(1, readers={"web", "desk"})
            number = cx.Field(1, str, scope=order)

        def test_own(cx_domain, cx_clock):
            domain = cx_domain(Own, external={"courier"})
            story = domain.story().began("web", channel="web").told(Own.number, "A-1")
            assert story.handed_to("desk").journey.recall(Own.number) == "A-1"
            assert domain.clock is cx_clock
            assert domain.department("web").is_external("courier")

        def test_story(cx_story, cx_shop, cx_clock):
            before = cx_clock()
            cx_story.began("sales", channel="chat").told(Shop.email, "a@example.com")
            cx_story.later(days=1).resumed_by("support", channel="phone")
            assert cx_story.journey.recall(Shop.email) == "a@example.com"
            assert (cx_shop.clock() - before).days == 1

        def test_home(cx_home, cx_shop):
            sales, support = cx_shop.department("sales"), cx_shop.department("support")
            journey = sales.begin(channel="chat")
            journey.learn(Shop.order_number, "A-118")
            place = cx_home.contribute(journey)
            back = cx_home.resume(place, department=support)
            assert back.recall(Shop.order_number) == "A-118"
    """)

    result.assert_outcomes(passed=3)


def test_every_fixture_is_explained(pytester, monkeypatch):
    """
    ``pytest --fixtures`` says what each of them is.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = pytester.runpytest_inprocess("-p", "cxcontext_pytest", "--fixtures")

    result.stdout.fnmatch_lines(
        [
            "cx_clock*",
            "*clock that stands still*",
            "cx_domain*",
            "*trust domain with throw-away keys*",
        ]
    )
    assert "no docstring available" not in result.stdout.str()


def test_it_imports_nothing_before_a_fixture_is_used(tmp_path):
    """
    A suite that uses no fixture does not even import the library.
    """
    (tmp_path / "test_it.py").write_text(
        "import sys\n\n"
        "def test_nothing():\n"
        "    assert not [m for m in sys.modules if m.partition('.')[0] == 'cxcontext']\n"
        "\n"
        "def test_something(cx_clock):\n"
        "    assert 'cxcontext' in sys.modules\n"
    )

    done = _pytest(tmp_path)

    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_coverage_sees_the_lines_of_the_library(tmp_path):
    """
    What is measured begins before the library is imported: its first lines count.
    """
    (tmp_path / "test_it.py").write_text("def test_it(cx_shop):\n    assert cx_shop\n")

    done = _pytest(
        tmp_path,
        "--cov=cxcontext.testing.clock",
        "--cov-branch",
        "--cov-report=term-missing",
        "-p",
        "pytest_cov",
    )
    (line,) = [line for line in done.stdout.splitlines() if "clock.py" in line]
    missing = line.rpartition("%")[2]

    # What no test called is missing; no import and no definition is.
    first = int(missing.replace(",", "-").split("-")[0])
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    source = (ROOT / "src/cxcontext/testing/clock.py").read_text().splitlines()
    assert first > 1 + next(
        at for at, text in enumerate(source) if text.startswith("def ")
    )


def _pytest(directory, *arguments):
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "cxcontext_pytest", *arguments),
        ],
        cwd=directory,
        env=_without_plugins(),
        capture_output=True,
        text=True,
        check=False,
    )


def _without_plugins():
    # Whatever else is installed here may import the library; a user's need not.
    return {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT / "src"),
    }


def test_installing_it_is_enough():
    """
    The entry points name modules beside the package, which have what they name.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    points = project["project"]["entry-points"]
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert {"cxcontext_pytest": "cxcontext_pytest"} == points["pytest11"]
    assert {"cxcontext": "cxcontext_hypothesis:register"} == points["hypothesis"]
    for module in ("cxcontext_pytest", "cxcontext_hypothesis"):
        assert (ROOT / "src" / f"{module}.py").is_file()
        assert f"src/{module}.py" in wheel["only-include"]


@pytest.mark.parametrize("missing", ["pytest", "hypothesis"])
def test_the_kit_needs_neither(missing):
    """
    ``import cxcontext.testing`` works where neither pytest nor Hypothesis is.
    """
    program = f"import sys; sys.modules[{missing!r}] = None; import cxcontext.testing"

    subprocess.run([sys.executable, "-c", program], env=_without_plugins(), check=True)


# --- each assertion fails for the right reason -----------------------------------


def test_never_reasked_fails(suite):
    """
    Who asked what twice, at which seam, how it was seen, and what to do.
    """
    report = fails(
        suite("""
        def test_it(cx_story, cx_shop):
            order = Shop.order_number
            cx_story.began("sales", channel="chat").asked(order).told(order, "A-118-X")
            cx_story.handed_to("support").later(days=1)
            cx_story.resumed_by("billing", channel="phone").asked(order)
            assert_never_reasked(cx_story.journeys, events=cx_shop.events)
    """),
        "E  *AssertionError: 1 question was asked again:",
        "E  *order_number: asked at sales (chat), 2026-01-05 09:00:00",
        "E  *asked again by billing (phone), 2026-01-06 09:00:00",
        "E  *seam: sales (chat) -> billing (phone)",
        "E  *seen: declared (a mark in the journey)",
        "E  *remedy: look at needs(order_number) or use ask_once(order_number, ...)*",
    )
    assert "E" in report


def test_never_reasked_fails_for_what_was_observed(suite):
    """
    A prompt that told nobody is said to have been observed.
    """
    fails(
        suite("""
        def test_it(cx_story):
            cx_story.began("sales", channel="chat").told(Shop.full_name, "Alex")
            cx_story.handed_to("support")
            seen = ObservedQuestions()
            seen.prompt(cx_story.journey, lambda _: "Alex")("What is your name?")
            assert_never_reasked(cx_story.journeys, observed=seen)
    """),
        "E  *full_name: known at sales (chat)*",
        "E  *seam: sales (chat) -> support (chat)",
        "E  *seen: observed (a prompt or form)",
        "E  *remedy: support asked without the journey; ask through ask_once*",
    )


def test_intact_fails(suite):
    """
    The code of the check that failed, and what to do.
    """
    report = fails(
        suite("""
        def test_it(cx_story, cx_shop):
            cx_story.began("sales", channel="chat").told(Shop.email, "canary@example.com")
            envelope = cx_story.handed_to("support").envelope
            (broken,) = [c for c in tampered(envelope) if c.name == "section: a bit"]
            assert_intact(broken.raw, cx_shop.department("support"))
    """),
        "E  *AssertionError: the envelope is refused with bad_delivery_signature: *",
        "E  *remedy: pass it on byte for byte, and in one piece",
    )
    assert "cx1." not in report


def test_intact_fails_for_what_was_withheld(suite):
    """
    The scope, whose statement, and what to do.
    """
    fails(
        suite("""
        def test_it(cx_story, cx_shop):
            cx_story.began("sales", channel="chat").told(Shop.card_last4, "4242")
            envelope = cx_story.journey.hand_over("support", withhold=[Shop.payment])
            assert_intact(envelope, cx_shop.department("support"))
    """),
        "E  *the envelope is not intact:",
        "E  *scope payment was withheld from statement * by sales",
        "E  *remedy: hand it over without withhold=*",
    )


def test_private_fails(suite):
    """
    Which department opens which scope with which fields, and what to do.
    """
    fails(
        suite("""
        def test_it(cx_story, cx_shop):
            cx_story.began("sales", channel="chat").told(Shop.order_number, "A-118-X")
            support = cx_shop.department("support")
            assert_private(
                cx_story.handed_to("support").envelope, support, may_read=[Shop.contact]
            )
    """),
        "E  *AssertionError: it is not private:",
        "E  *support can open scope order (order_number), sealed by sales",
        "E  *remedy: take support out of the scope's readers, and rotate its key*",
    )


def test_no_values_fails(suite):
    """
    Which field is in which record and part, and never the value.
    """
    result = suite("""
        def test_it(cx_story, caplog):
            cx_story.began("sales", channel="chat").told(Shop.full_name, "Zoe Canary")
            logging.getLogger("shop").warning(
                "hello", extra={"name_of": cx_story.journey.recall(Shop.full_name)}
            )
            assert_no_values(caplog, cx_story.journey)
    """)
    fails(
        result,
        "E  *AssertionError: what a customer said was found:",
        "E  *full_name as it is in log record 1 (shop, WARNING), extra",
        "E  *remedy: log the journey (its repr has no value)*",
    )
    said = [line for line in result.outlines if line.startswith("E")]
    assert not [line for line in said if "Canary" in line]


def test_fits_fails(suite):
    """
    Both sizes, what will be asked again, and what to do.
    """
    fails(
        suite("""
        def test_it(cx_story):
            cx_story.began("sales", channel="chat").told(Shop.order_number, "A-118-X")
            assert_fits(cx_story.journey, cx.Limits(value_bytes=128), to="billing")
    """),
        "E  *AssertionError: the journey does not fit: * bytes, and the carrier takes 128",
        "E  *consequence: billing will ask for: order_number",
        "E  *remedy: give the propagator references=*",
    )


def test_the_bleed_guard_fails(suite):
    """
    Whose field was shown to whom, how they met, and what to do.
    """
    fails(
        suite("""
        def test_it(cx_shop):
            ada, ben = [
                cx_shop.story().began("sales", channel="chat")
                .told(Shop.full_name, name).journey
                for name in ("Ada Alpha", "Ben Bravo")
            ]
            seen = []

            def visit(journey):
                seen.append(journey.recall(Shop.full_name))
                return seen[0]

            bleed_guard(visit, ada, ben)
    """),
        "E  *AssertionError: customers were mixed up:",
        "E  *full_name of another customer was shown to the second customer, one after*",
        "E  *remedy: bind the journey per request*",
    )


def test_a_case_of_tampering_that_is_taken_fails(suite):
    """
    Over an application that does not verify, each case fails under its own name.
    """
    result = suite(
        """
        shop = ThrowAwayDomain(Shop)
        envelope = shop.story().began("sales", channel="chat").handed_to("billing").envelope

        @pytest.mark.parametrize("case", tampered(envelope), ids=str)
        def test_it(case):
            with pytest.raises(ValueError):
                bytes(case.raw) if isinstance(case.raw, bytes) else case.raw
    """,
        "-k",
        "somebody",
    )

    fails(
        result,
        "E  *DID NOT RAISE*",
        "FAILED *test_it[[]delivery: for somebody else[]]*",
    )
