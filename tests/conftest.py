"""
How the suite runs everywhere: what it may skip, and how hard it searches.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# Tests of several rooms import it, whichever is collected first.
pytest.register_assert_rewrite("loopback")

# --- how hard it searches ----------------------------------------------------

# How long an example takes says more about the machine than about the library.
settings.register_profile("local", deadline=None)
# The same examples every time: a change fails for what it changed.
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For a night: HYPOTHESIS_PROFILE=deep
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=10_000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For mutmut, which runs each test several times in one process, and compares.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)

IN_CI = os.environ.get("CI") == "true"

settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if IN_CI else "local")
)


# --- what it may skip --------------------------------------------------------

# A skip's reason begins so if no machine like this one could run the test.
EXCUSE = "cannot be had here:"


class SkipsFailTheSession:
    """
    A plugin that fails the session if a test was skipped without an excuse.
    """

    def __init__(self) -> None:
        self.unexcused: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """
        Take note of a test that was skipped, in whichever process it was.
        """
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """
        Take note of a whole module that was skipped.
        """
        self._note(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """
        Turn success into failure.
        """
        if self.unexcused and session.exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """
        Say which tests, and why they were skipped.
        """
        if not self.unexcused:
            return
        terminalreporter.section("skipped, which fails under CI=true", red=True)
        for line in self.unexcused:
            terminalreporter.line(line)
        terminalreporter.line(
            "Install what is missing, or begin the reason with "
            f'"{EXCUSE}" if no such machine can have it.'
        )

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        # An expected failure reports itself as skipped, too.
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        if isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
        else:
            reason = str(report.longrepr)
        line = f"{report.nodeid}: {reason}"
        # Each worker collects for itself, and each reports a skipped module.
        if not reason.startswith(EXCUSE) and line not in self.unexcused:
            self.unexcused.append(line)


def pytest_configure(config: pytest.Config) -> None:
    """
    Refuse skips in CI, in the one process to which all others report.
    """
    if IN_CI and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipsFailTheSession())
