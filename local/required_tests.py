"""A pytest plugin that fails a run in which the tests of a required marker were skipped, or there were none."""

from __future__ import annotations

from collections import Counter

import pytest

_LISTED = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--required=MARKER`, as often as wanted."""
    parser.addoption("--required", action="append", default=[], metavar="MARKER")


def pytest_configure(config: pytest.Config) -> None:
    """Watches the run."""
    config.pluginmanager.register(_Required(config.getoption("--required")), "galen-required")


class _Required:
    def __init__(self, markers: list[str]) -> None:
        self._markers = markers
        self._passed: Counter[str] = Counter()
        self._skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for marker in self._markers:
            if marker not in report.keywords:
                continue
            if report.skipped and not hasattr(report, "wasxfail"):
                self._skipped.append(f"{report.nodeid} ({marker})")
            elif report.when == "call" and report.passed:
                self._passed[marker] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._complaints() and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for complaint in self._complaints():
            terminalreporter.write_line(f"required: {complaint}", red=True)

    def _complaints(self) -> list[str]:
        missing = [f"no test marked {marker} has run" for marker in self._markers if not self._passed[marker]]
        return [*missing, *(f"{name} was skipped" for name in self._skipped[:_LISTED])]
