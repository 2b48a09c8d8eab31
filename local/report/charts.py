"""Charts as SVG text: bars with intervals, lines with marks. Units on the axes, a table beside each for who cannot
see it.

Colours are those of M. Okabe and K. Ito, Color Universal Design, https://jfly.uni-koeln.de/color/: told apart by
readers with any kind of colour vision; a mark that means something has a shape of its own too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

# Names of the page's style, which has a lighter set of them for dark screens.
BLUE: Final = "var(--blue)"
ORANGE: Final = "var(--orange)"
GREEN: Final = "var(--green)"
SERIES: Final = (BLUE, ORANGE, GREEN, "var(--pink)", "var(--yellow)")
_WIDTH: Final = 640
_LABEL_WIDTH: Final = 246
_BAR_HEIGHT: Final = 24
_LABEL_LETTERS: Final = 33
_LEGEND_LETTERS: Final = 23


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `low` and `high` are the ends of its interval."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line through (x, y) points; `marked` are the points that get a diamond. A gap is a point without y."""

    label: str
    points: Sequence[tuple[float, float]]
    marked: Sequence[tuple[float, float]] = ()


def number(value: float | None) -> str:
    """A number as people read it: at most three figures after the point, none where they say nothing."""
    if value is None:
        return "–"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def bars(items: Sequence[Bar], unit: str, colour: str = BLUE) -> str:
    """Horizontal bars from zero, with whiskers for intervals, the value at the end of each."""
    if not items:
        return _nothing()
    top = max(max(item.value, item.high or 0) for item in items)
    ticks = _ticks(top)
    scale = (_WIDTH - _LABEL_WIDTH - 60) / ticks[-1]
    height = len(items) * _BAR_HEIGHT + 46
    parts = [_open(height, f"Bars of {len(items)} values in {unit}")]
    base = len(items) * _BAR_HEIGHT + 6
    for tick in ticks:
        x = _LABEL_WIDTH + tick * scale
        parts.append(f'<line x1="{x:.1f}" y1="2" x2="{x:.1f}" y2="{base}" class="grid"/>')
        parts.append(f'<text x="{x:.1f}" y="{base + 14}" text-anchor="middle">{number(tick)}</text>')
    for row, item in enumerate(items):
        parts += _bar(item, row * _BAR_HEIGHT + 4, scale, colour)
    middle = _LABEL_WIDTH + (_WIDTH - _LABEL_WIDTH - 60) / 2
    parts.append(
        f'<text x="{middle:.0f}" y="{base + 32}" text-anchor="middle" class="unit">{escape(unit)}</text>'
    )
    return "".join(parts) + "</svg>"


def _bar(item: Bar, y: float, scale: float, colour: str) -> list[str]:
    middle = y + _BAR_HEIGHT / 2 - 3
    end = _LABEL_WIDTH + item.value * scale
    parts = [
        (
            f'<text x="{_LABEL_WIDTH - 6}" y="{middle + 4:.1f}" text-anchor="end">'
            f"{_short(item.label, _LABEL_LETTERS)}</text>"
        ),
        (
            f'<rect x="{_LABEL_WIDTH}" y="{y}" width="{max(end - _LABEL_WIDTH, 0.5):.1f}" height="{_BAR_HEIGHT - 7}" '
            f'style="fill:{colour}"/>'
        ),
    ]
    last = end
    if item.low is not None and item.high is not None:
        low, high = (_LABEL_WIDTH + each * scale for each in (item.low, item.high))
        parts.append(
            f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8" class="whisker"/>'
        )
        last = max(end, high)
    parts.append(f'<text x="{last + 5:.1f}" y="{middle + 4:.1f}">{number(item.value)}</text>')
    return parts


def lines(items: Sequence[Line], x_labels: Sequence[tuple[float, str]], unit: str) -> str:
    """Lines of counts over one axis; `x_labels` are the words below it at their places."""
    points = [point for item in items for point in item.points]
    if not points:
        return _nothing()
    left, right, top, base = 56, _WIDTH - 12, 26, 230
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    ticks = _ticks(max(y for _, y in points), smallest=1)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across = (point[0] - first) / ((last - first) or 1)
        return left + across * (right - left), base - point[1] / ticks[-1] * (base - top)

    parts = [_open(282, f"{len(items)} lines in {unit}")]
    for tick in ticks:
        y = place((first, tick))[1]
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{number(tick)}</text>')
    for x, words in x_labels:
        here = place((x, 0))[0]
        parts.append(f'<text x="{here:.1f}" y="{base + 18}" text-anchor="middle">{escape(words)}</text>')
    for order, item in enumerate(items):
        parts += _line(item, SERIES[order % len(SERIES)], [place(each) for each in item.points], place, order)
    parts.append(f'<text x="{left}" y="{base + 42}" class="unit">{escape(unit)}</text>')
    return "".join(parts) + "</svg>"


def _line(item: Line, colour: str, path: list[tuple[float, float]], place: object, order: int) -> list[str]:
    assert callable(place)
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in path)
    parts = [f'<polyline points="{drawn}" style="fill:none;stroke:{colour};stroke-width:1.8"/>']
    for point in item.marked:
        x, y = place(point)
        parts.append(f'<path d="M{x:.1f} {y - 6:.1f}l5 6l-5 6l-5 -6z" class="mark"/>')
    at = 60 + order * 190
    parts.append(f'<rect x="{at}" y="6" width="14" height="4" style="fill:{colour}"/>')
    parts.append(f'<text x="{at + 19}" y="12">{_short(item.label, _LEGEND_LETTERS)}</text>')
    return parts


def table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The figures of a chart as a table."""
    numbers = [bool(rows) and all(_is_number(row[place]) for row in rows) for place in range(len(names))]
    kinds = [' class="n"' if each else "" for each in numbers]
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(names, kinds, strict=True)
    )
    body = "".join("<tr>" + "".join(_cell(each) for each in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if value is None or isinstance(value, int | float):
        return f'<td class="n">{number(value)}</td>'
    return f"<td>{escape(str(value))}</td>"


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _short(words: str, letters: int) -> str:
    """The words, cut where they do not fit; whole in a title that shows when one points at them."""
    shown = words if len(words) <= letters else words[: letters - 1] + "…"
    return f"{escape(shown)}<title>{escape(words)}</title>"


def _ticks(top: float, smallest: float = 0.0) -> list[float]:
    """Round steps from zero to at least `top`, four to six of them, or fewer where a step would be too small."""
    if top <= 0:
        return [0.0, 1.0]
    size = 10 ** math.floor(math.log10(top))
    step = max(smallest, next(size * each for each in (0.2, 0.5, 1, 2) if top / (size * each) <= 5))
    return [step * each for each in range(math.ceil(top / step - 1e-9) + 1)]


def _open(height: int, words: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(words)}">'


def _nothing() -> str:
    return '<p class="nothing">Nothing to show: the table has no such rows.</p>'
