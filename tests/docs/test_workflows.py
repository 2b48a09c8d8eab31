"""Workflows run foreign actions only as they were read: by commit, with the version it is said to be."""

from __future__ import annotations

import re

import pytest

from local.layout import CHECKOUT

USES = [
    (path.name, line.strip())
    for path in sorted((CHECKOUT / ".github/workflows").glob("*.yml"))
    for line in path.read_text("utf-8").splitlines()
    if "uses:" in line
]


@pytest.mark.parametrize(("workflow", "line"), USES)
def test_an_action_is_named_by_its_commit_and_version(workflow: str, line: str) -> None:
    assert re.fullmatch(r"- uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), workflow


def test_there_are_actions_to_look_at() -> None:
    assert len(USES) > 5
