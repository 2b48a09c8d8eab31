"""Java and other interpreters are found where they are, and strict runs fail where a required test was skipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local.interpreters import find_python
from local.java import major_version
from local.layout import CHECKOUT

_TESTS = """
import pytest

@pytest.mark.spark
def test_runs():
    pass

@pytest.mark.conformance
def test_is_left_out():
    pytest.skip("not tested: nothing")
"""


def test_finds_the_interpreter_that_runs_this() -> None:
    found = find_python(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert found == sys.executable


def test_finds_no_interpreter_that_does_not_exist() -> None:
    assert find_python("3.99") is None


@pytest.mark.parametrize(
    ("release", "version"), [('JAVA_VERSION="17.0.15"\n', 17), ('JAVA_VERSION="25"\n', 25), ("", None)]
)
def test_reads_the_version_of_a_java(tmp_path: Path, release: str, version: int | None) -> None:
    if release:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "java").touch()
        (tmp_path / "release").write_text(release, "utf-8")
    assert major_version(tmp_path) == version


@pytest.mark.parametrize(
    ("required", "code", "said"),
    [
        (["spark"], 0, ["1 passed"]),
        (
            ["spark", "conformance", "slow"],
            1,
            ["test_is_left_out (conformance) was skipped", "no test marked slow has run"],
        ),
    ],
)
def test_a_strict_run_fails_where_required_tests_did_not_run(
    tmp_path: Path, required: list[str], code: int, said: list[str]
) -> None:
    (tmp_path / "test_marked.py").write_text(_TESTS, "utf-8")
    options = ["-p", "local.required_tests", *(f"--required={marker}" for marker in required)]
    config = ["-c", str(CHECKOUT / "pyproject.toml"), "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *config, *options, str(tmp_path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stdout
    assert all(sentence in ran.stdout for sentence in said)
