"""What the workflows of the repository may do: a pull request's code gets no identity, and nothing unnamed is installed."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.cli.train import register
from local.training.data import ARCHIVES

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github" / "workflows").glob("*.yml"))
_TRAIN = next(path for path in WORKFLOWS if path.stem == "train")
_PINNED_ACTION = re.compile(r"[\w./-]+@[0-9a-f]{40}")
_INSTALL = re.compile(r"(?:npm (?:install|i|ci|exec)|npx|pip install|pipx|uv (?:pip|tool)|uvx)\b[^\n|&]*")
_NPM_PACKAGE = re.compile(r"@?[\w./-]+@\d+\.\d+\.\d+")


def _read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


def _identity(permissions: Any) -> bool:
    """Whether the permissions let a job sign in to a cloud."""
    if isinstance(permissions, dict):
        return bool(permissions.get("id-token") == "write")
    return bool(permissions == "write-all")


def may_sign_in(workflow: dict[Any, Any]) -> list[str]:
    """The jobs with an identity that a pull request can start, or that no environment guards."""
    # YAML 1.1 reads the key `on` as true.
    triggers = set(workflow[True]) & {"pull_request", "pull_request_target"}
    found = []
    for name, job in workflow["jobs"].items():
        if not _identity(job.get("permissions", workflow.get("permissions"))):
            continue
        is_kept_away = "github.event_name != 'pull_request'" in str(job.get("if", ""))
        if "environment" not in job or (triggers and not is_kept_away):
            found.append(name)
    return found


def _commands(workflow: dict[Any, Any]) -> list[str]:
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    return [found for step in steps for found in _INSTALL.findall(step.get("run", ""))]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_job_with_an_identity_runs_the_code_of_a_pull_request(path: Path) -> None:
    workflow = _read(path)
    assert "permissions" in workflow
    assert may_sign_in(workflow) == []


def test_the_rule_sees_an_identity_that_a_pull_request_reaches() -> None:
    job = {"permissions": {"id-token": "write"}, "environment": "e", "steps": []}
    assert may_sign_in({True: ["pull_request"], "jobs": {"a": job}}) == ["a"]
    kept_away = job | {"if": "github.event_name != 'pull_request'"}
    assert may_sign_in({True: ["pull_request"], "jobs": {"a": kept_away}}) == []
    assert may_sign_in(
        {True: ["push"], "permissions": {"id-token": "write"}, "jobs": {"a": {"steps": []}}}
    ) == ["a"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_and_every_tool_is_pinned(path: Path) -> None:
    workflow = _read(path)
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert [each for each in used if not _PINNED_ACTION.fullmatch(each)] == []
    for command in _commands(workflow):
        if command.startswith("npm install"):
            named = [word for word in command.split()[2:] if not word.startswith("-")]
            assert named
            assert all(_NPM_PACKAGE.fullmatch(word) for word in named), command
        else:
            assert "--require-hashes" in command, command


def test_every_model_is_trained_by_schedule_on_its_own_data_and_what_comes_of_it_is_kept() -> None:
    workflow = _read(_TRAIN)
    assert workflow[True]["schedule"]
    [job] = workflow["jobs"].values()
    assert {each["model"]: each["archive"] for each in job["strategy"]["matrix"]["include"]} == ARCHIVES
    told = next(step["run"] for step in job["steps"] if "local train" in step.get("run", ""))
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    words = (
        told.removeprefix("python3 -m local ").replace('"$MODEL"', "sepsis").replace('"$ARCHIVE"', "a.tar.xz")
    )
    args = parser.parse_args(shlex.split(words))
    kept = job["steps"][-1]["with"]["path"].split()
    assert {Path(pattern).parent for pattern in kept} == {args.out} == {args.runs}


def test_an_archive_comes_by_https_alone_and_one_with_other_bytes_is_not_trained_on(tmp_path: Path) -> None:
    [job] = _read(_TRAIN)["jobs"].values()
    fetched, checked, trained = (step["run"] for step in job["steps"] if "run" in step)
    assert "local train" in trained
    words = shlex.split(fetched)
    assert [words[words.index(option) + 1] for option in ("--proto", "--proto-redir")] == ["=https", "=https"]
    archive = tmp_path / "a.tar.xz"
    archive.write_bytes(b"measured")
    told = {
        **os.environ,
        "ARCHIVE": archive.name,
        "SHA256": hashlib.sha256(archive.read_bytes()).hexdigest(),
    }

    def ends() -> int:
        return subprocess.run(["bash", "-e", "-c", checked], cwd=tmp_path, env=told, check=False).returncode

    assert ends() == 0
    archive.write_bytes(b"altered")
    assert ends() != 0


@pytest.mark.skipif(
    "GALEN_TEST_DATA" not in os.environ,
    reason="the hashes of the archives were not compared: set GALEN_TEST_DATA to the folder with the archives",
)
def test_the_hashes_that_training_asks_for_are_those_of_the_archives() -> None:
    [job] = _read(_TRAIN)["jobs"].values()
    assert job["env"]["SHA256"] == "${{ matrix.sha256 }}"
    for row in job["strategy"]["matrix"]["include"]:
        archive = Path(os.environ["GALEN_TEST_DATA"]) / row["archive"]
        assert hashlib.sha256(archive.read_bytes()).hexdigest() == row["sha256"]
