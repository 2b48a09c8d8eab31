"""Opens the published corpora that GALEN_TEST_DATA holds as archives, and the lists of what we judge otherwise."""

from __future__ import annotations

import json
import os
import random
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from shared.domain.fhir import json as fhir_json
from shared.domain.fhir.definitions.reader import r4
from shared.domain.fhir.outcome import FAILURES, Issue
from shared.domain.fhir.validation.explain import explain
from shared.errors import InputError

EVERYTHING: Final = "GALEN_TEST_EVERYTHING"
"""The environment variable that, set to anything, makes the sampled suites read all they have."""
_HERE: Final = Path(__file__).parent
_SEED: Final = 4


@cache
def archive(name: str) -> dict[str, bytes]:
    """The files of `<name>.tar.xz` by their path within it; skips the test where it is absent."""
    folder = os.environ.get("GALEN_TEST_DATA", "")
    path = Path(folder) / f"{name}.tar.xz"
    if not folder or not path.is_file():
        pytest.skip(f"not tested: the corpus {name}, which GALEN_TEST_DATA would hold")
    files: dict[str, bytes] = {}
    with tarfile.open(path) as opened:
        for member in opened:
            held = opened.extractfile(member) if member.isfile() else None
            if held is not None:
                files[member.name] = held.read()
    return files


def sampled(names: list[str], count: int) -> list[str]:
    """`count` of `names`, always the same ones; all of them where `GALEN_TEST_EVERYTHING` is set."""
    if os.environ.get(EVERYTHING) or len(names) <= count:
        return names
    return sorted(random.Random(_SEED).sample(names, count))


def issues_of(text: bytes) -> list[Issue]:
    """What is found in one JSON text: as a door would say it."""
    try:
        return explain(fhir_json.decode_object(text), r4())
    except InputError as refused:
        return list(refused.issues)


def failures(issues: list[Issue]) -> list[Issue]:
    return [issue for issue in issues if issue.severity in FAILURES]


def disagreements(name: str) -> dict[str, str]:
    """Case → the reason why we judge it otherwise, as `<name>.json` beside this file says."""
    reasons: dict[str, str] = json.loads((_HERE / f"{name}.json").read_text("utf-8"))
    assert all(len(reason.split()) > 3 for reason in reasons.values()), (
        "a disagreement needs its reason in words"
    )
    return reasons


def require_exactly(named: dict[str, str], found: dict[str, Any], tried: set[str]) -> None:
    """What disagrees must be named, and what is named must still disagree: a list of disagreements only shrinks."""
    new = {case: what for case, what in found.items() if case not in named}
    assert not new, f"judged otherwise than the corpus, and not named with a reason: {new}"
    settled = [case for case in named if case in tried and case not in found]
    assert not settled, f"named as a disagreement, but agrees by now: take it out of the list: {settled}"


def ndjson(text: bytes) -> Iterator[Any]:
    """The values of a file with one JSON value a line."""
    for line in text.decode().splitlines():
        if line.strip():
            yield fhir_json.decode(line)
