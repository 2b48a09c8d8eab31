"""Each decision is one page with the same five headings, numbered without a gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.documents import DECISIONS, headings, name_of

FIVE = ["Context", "Options", "Decision", "Consequences", "How it is checked"]
ONE_PAGE_LINES = 60


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_a_decision_has_its_five_headings(path: Path) -> None:
    found = list(headings(path.read_text("utf-8")))
    assert [text for level, text in found if level == 2] == FIVE
    assert found[0][1].startswith(path.name[:3])


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_a_decision_fits_a_page(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= ONE_PAGE_LINES


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:3]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    assert len(DECISIONS) >= 11
