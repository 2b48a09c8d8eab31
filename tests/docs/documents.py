"""The documents of the repository as text: tables, code and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from local.layout import CHECKOUT

DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")])
DECISIONS = sorted(CHECKOUT.glob("docs/decisions/*.md"))
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    """The path in the checkout: what a test is called by."""
    return str(path.relative_to(CHECKOUT))


def text_of(name: str) -> str:
    """The text of one document."""
    return (CHECKOUT / name).read_text("utf-8")


def without_code(text: str) -> str:
    """The text without fenced code."""
    return _FENCE.sub("", text)


def table_after(text: str, header: str) -> list[list[str]]:
    """The rows of the table whose header row begins with `header`, each as its cells. Fails where there is none."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(header)]
    assert len(starts) == 1, f"one table begins with {header!r}"
    rows = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    assert rows, f"the table {header!r} has rows"
    return rows


def codes_in(cell: str) -> list[str]:
    """What stands in backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def headings(text: str) -> Iterator[tuple[int, str]]:
    """Level and text of each heading."""
    for match in re.finditer(r"^(#+) (.+)$", without_code(text), re.MULTILINE):
        yield len(match[1]), match[2].strip()


def anchor(heading: str) -> str:
    """The anchor that a heading has on the web."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
