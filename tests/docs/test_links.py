"""Links between documents lead somewhere, and no document leads out of the repository."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from local.layout import CHECKOUT
from tests.docs.documents import DOCUMENTS, anchor, headings, name_of, without_code

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_MACHINE = re.compile(r"(?<![\w./:<`…-])/(?:home|root|Users|mnt|opt|srv|var|work|workspace)/\S+")
_OUT = re.compile(r"(?<![\w.])\.\./[\w./-]+")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_resolves(path: Path) -> None:
    text = path.read_text("utf-8")
    for target in _LINK.findall(without_code(text)):
        if target.startswith(("https://", "mailto:")):
            continue
        file, _, wanted = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{name_of(path)} links to {target}"
        assert there.is_relative_to(CHECKOUT), f"{name_of(path)} leads out of the repository: {target}"
        if wanted:
            anchors = {anchor(heading) for _, heading in headings(there.read_text("utf-8"))}
            assert wanted in anchors, f"{name_of(path)} links to {target}, which has no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_no_document_names_a_place_on_somebodys_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    assert _MACHINE.findall(text) == []
    assert str(CHECKOUT) not in text
    outside = [
        found for found in _OUT.findall(text) if not (path.parent / found).resolve().is_relative_to(CHECKOUT)
    ]
    assert outside == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_a_document_has_one_title_and_no_level_is_skipped(path: Path) -> None:
    levels = [level for level, _ in headings(path.read_text("utf-8"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
