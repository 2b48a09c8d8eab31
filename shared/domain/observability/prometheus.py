"""Samples in the text format that Prometheus scrapes.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SUFFIXES: Final = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series. `kind` is counter, gauge, histogram or summary; of a histogram each `_bucket` (label
    `le`), `_sum` and `_count` is a sample. Labels come from fixed lists: never an identifier.
    """

    name: str
    kind: str
    help: str
    labels: Mapping[str, str] = field(default_factory=dict)
    value: float = 0.0

    @property
    def family(self) -> str:
        """The name under which HELP and TYPE stand."""
        ending = next((s for s in _SUFFIXES.get(self.kind, ()) if self.name.endswith(s)), "")
        return self.name.removesuffix(ending)


def render(samples: Iterable[Sample]) -> str:
    """The exposition: families in order of name, series of one family together in the order given."""
    families: dict[str, list[Sample]] = {}
    for sample in samples:
        families.setdefault(sample.family, []).append(sample)
    lines = []
    for family, members in sorted(families.items()):
        lines.append(f"# HELP {family} {_escape_help(members[0].help)}")
        lines.append(f"# TYPE {family} {members[0].kind}")
        lines.extend(f"{member.name}{_labels(member.labels)} {_number(member.value)}" for member in members)
    return "\n".join(lines) + "\n" if lines else ""


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escape_label(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _escape_label(text: str) -> str:
    return _escape_help(text).replace('"', r"\"")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
