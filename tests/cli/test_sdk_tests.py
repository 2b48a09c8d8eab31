"""The run of Microsoft's SDK tests: what is selected, how a report is read, how the list of failures shrinks."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.sdk_tests.outcome import Listed, read_report
from local.sdk_tests.run import STAND_IN
from local.sdk_tests.suites import LEFT_OUT, OUT_OF_SCOPE, SUITES, requirement

_REPORT = """<testsuites><testsuite>
<testcase classname="test_a.TestA" name="test_good" time="1.5"/>
<testcase classname="test_a.TestA" name="test_bad" time="0.5"><failure message="assert 1 == 2&#10;more"/></testcase>
<testcase classname="test_a" name="test_not_here" time="0"><skipped message="needs a cloud"/></testcase>
<testcase classname="test_a.TestA" name="test_torn" time="0"/>
<testcase classname="test_a.TestA" name="test_torn" time="0"><error message="teardown"/></testcase>
</testsuite></testsuites>"""


def test_a_report_becomes_passed_failed_and_skipped_tests(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(_REPORT, "utf-8")
    outcome = read_report(report, "azure-x", "test_a.py")
    assert outcome.passed == {"TestA::test_good"}
    assert outcome.failed == {"TestA::test_bad": "assert 1 == 2", "TestA::test_torn": "teardown"}
    assert outcome.skipped == {"test_not_here": "needs a cloud"}
    assert (outcome.collected, outcome.seconds) == (4, 2.0)


def test_a_run_without_a_report_failed(tmp_path: Path) -> None:
    assert read_report(tmp_path / "none.xml", "azure-x", "test_a.py").failed


def test_the_list_of_expected_failures_only_shrinks(tmp_path: Path) -> None:
    path = tmp_path / "expected.txt"
    path.write_text("azure-x/test_a.py::test_b[1]  a reason\nazure-x/test_a.py::test_c  another\n", "utf-8")
    expected = Listed(path)
    assert expected.of("azure-x", "test_a.py") == {"test_b[1]": "a reason", "test_c": "another"}
    assert expected.of("azure-x", "test_b.py") == {}
    expected.shrink({"azure-x/test_a.py::test_c", "azure-x/test_a.py::test_never_listed"})
    assert path.read_text("utf-8") == "azure-x/test_a.py::test_b[1]  a reason\n"


def test_every_expected_failure_has_a_reason_and_belongs_to_a_package_that_is_run() -> None:
    lines = (STAND_IN.parent / "expected_failures.txt").read_text("utf-8").splitlines()
    assert len(lines) == len({line.partition("  ")[0] for line in lines})
    for line in lines:
        test, _, reason = line.partition("  ")
        assert reason.strip(), line
        assert test.partition("/")[0] in {suite.package for suite in SUITES}, line


def test_a_test_is_out_of_scope_only_for_what_the_emulators_leave_out_and_never_also_an_expected_failure() -> (
    None
):
    apart = (STAND_IN.parent / "out_of_scope.txt").read_text("utf-8").splitlines()
    failures = (STAND_IN.parent / "expected_failures.txt").read_text("utf-8").splitlines()
    assert {line.partition("  ")[2] for line in apart} <= OUT_OF_SCOPE
    names = [line.partition("  ")[0] for line in apart]
    assert len(names) == len(set(names))
    assert not set(names) & {line.partition("  ")[0] for line in failures}


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.package)
def test_each_package_is_locked_with_hashes(suite: object) -> None:
    from local.sdk_tests.suites import Suite

    assert isinstance(suite, Suite)
    assert "--hash=sha256:" in requirement(suite.package)


def test_what_is_left_out_is_left_out_with_a_reason() -> None:
    cosmos = SUITES[0]
    assert cosmos.selects("test_crud_container.py")
    assert not cosmos.selects("test_query_vector_similarity.py")
    assert not cosmos.selects("test_change_feed_all_versions_async.py")
    explained = {pattern for patterns in LEFT_OUT for pattern in patterns.split(", ")}
    for suite in SUITES:
        assert {pattern.removesuffix(".py").rstrip("*") for pattern in suite.left_out} <= {
            pattern.rstrip("*") for pattern in explained
        }
