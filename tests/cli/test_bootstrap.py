"""The bootstrap makes its environment once, from any directory, safely, and finds it again in no time."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.layout import CHECKOUT
from tests.patience import PATIENCE_S

_PARTS = (
    "__init__",
    "__main__",
    "bootstrap",
    "data_folder",
    "environment",
    "exits",
    "installer",
    "java",
    "layout",
    "process_start",
    "processors",
    "owned_child",
)
_CLI = ("__init__", "commands", "main", "options", "status")
_SPARK = ("__init__", "paths")
_NOT_RUNNING = 3


def run_local(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(checkout / "local"), *arguments],
        cwd=checkout.parent,
        env=environment(variables),
        capture_output=True,
        text=True,
        check=False,
    )


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a new user: a Spark session of this process would name the checkout in PYTHONPATH."""
    foreign = ("GALEN_", "PYTEST_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, **variables}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bootstrap with one command and a single small package as its lock, prepared by its first start."""
    root = tmp_path_factory.mktemp("place") / "galen"
    (root / "local" / "cli").mkdir(parents=True)
    (root / "spark").mkdir()
    (root / "requirements").mkdir()
    for name in (*_PARTS, "run_state"):
        shutil.copy(CHECKOUT / "local" / f"{name}.py", root / "local")
    for name in _CLI:
        shutil.copy(CHECKOUT / "local" / "cli" / f"{name}.py", root / "local" / "cli")
    for name in _SPARK:
        shutil.copy(CHECKOUT / "spark" / f"{name}.py", root / "spark")
    shutil.copy(CHECKOUT / "requirements" / "installer.txt", root / "requirements")
    local_lock = (CHECKOUT / "requirements" / "local.txt").read_text("utf-8")
    start = local_lock.index("h11==")
    (root / "requirements.txt").write_text(
        local_lock[start : local_lock.index("\nhttptools==")] + "\n", "utf-8"
    )
    (root / "requirements" / "local.txt").write_text("", "utf-8")
    first = run_local(root, "status")
    if "could not be installed" in first.stderr:
        pytest.skip("no package index answers: not tested that the bootstrap makes its environment")
    assert first.returncode == _NOT_RUNNING, first.stderr
    assert "installing 1 locked packages" in first.stderr
    return root


def test_makes_its_environment_when_started_by_path_from_another_directory(checkout: Path) -> None:
    assert (checkout / ".venv" / "bin" / "python").exists()
    assert list((checkout / ".venv").glob("lib/python*/site-packages/h11/__init__.py"))
    assert (checkout / ".venv" / ".gitignore").read_text("utf-8") == "*\n"


def test_a_warm_start_installs_nothing_and_takes_little_processor_time(checkout: Path) -> None:
    before = _processor_s_of_children()
    warm = run_local(checkout, "status")
    assert "installing" not in warm.stderr
    assert _processor_s_of_children() - before < 5.0


def _processor_s_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_changed_lock_is_installed_once_by_two_that_start_at_once(checkout: Path) -> None:
    lock = checkout / "requirements" / "local.txt"
    lock.write_text("# changed\n", "utf-8")
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "local", "status"],
            cwd=checkout,
            env=environment({}),
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=PATIENCE_S)[1] for process in both]
    assert [process.returncode for process in both] == [_NOT_RUNNING, _NOT_RUNNING]
    assert sum("installing 0 locked packages (local)" in text for text in said) == 1


def test_an_interrupted_installation_is_repaired(checkout: Path) -> None:
    (package,) = (checkout / ".venv").glob("lib/python*/site-packages/h11")
    shutil.rmtree(package)
    (checkout / ".venv" / ".galen" / "installing").write_text("function", "utf-8")
    repaired = run_local(checkout, "status")
    assert repaired.returncode == _NOT_RUNNING
    assert "an installation was interrupted: repairing it" in repaired.stderr
    assert (package / "__init__.py").exists()


def test_another_group_that_is_being_installed_keeps_nobody_waiting(checkout: Path) -> None:
    under_way = checkout / ".venv" / ".galen" / "installing"
    under_way.write_text("spark", "utf-8")
    try:
        asked = run_local(checkout, "status")
    finally:
        under_way.unlink()
    assert asked.returncode == _NOT_RUNNING
    assert "install" not in asked.stderr


def test_an_environment_of_another_version_is_left_alone(checkout: Path) -> None:
    owner = checkout / ".venv" / ".galen" / "python"
    version = owner.read_text("utf-8")
    owner.write_text("3.7", "utf-8")
    try:
        asked = subprocess.run(
            [
                sys.executable,
                "-c",
                "from local.bootstrap import chosen_environment as c; print(c().folder.name)",
            ],
            cwd=checkout,
            env=environment({}),
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        owner.write_text(version, "utf-8")
    assert asked.stdout.strip() == f".venv-{version}"


def test_an_old_python_is_told_what_to_do(checkout: Path) -> None:
    """Any interpreter reads the entry file; this one only claims to be old."""
    run = f"runpy.run_path({str(checkout / 'local')!r}, run_name='__main__')"
    claim = f"import sys, runpy; sys.version_info = (3, 9, 1); {run}"
    old = subprocess.run([sys.executable, "-c", claim], capture_output=True, text=True, check=False)
    assert old.returncode == 2
    assert old.stderr.startswith("galen needs Python 3.11, 3.12 or 3.13 and this is Python 3.9: ")


def test_a_tampered_package_is_refused_and_the_next_start_recovers(checkout: Path) -> None:
    lock = checkout / "requirements" / "local.txt"
    lock.write_text("iniconfig==2.3.1 --hash=sha256:" + "0" * 64 + "\n", "utf-8")
    refused = run_local(checkout, "status")
    assert refused.returncode == 1
    assert "the locked packages could not be installed" in refused.stderr
    assert not list((checkout / ".venv").glob("lib/python*/site-packages/iniconfig"))
    lock.write_text("", "utf-8")
    assert run_local(checkout, "status").returncode == _NOT_RUNNING
