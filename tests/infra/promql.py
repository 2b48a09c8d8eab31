"""As much of PromQL as the alarms use, over series that a test has recorded, a sample a minute.

https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

Labels = frozenset[tuple[str, str]]
Series = Mapping[tuple[str, Labels], Sequence[float]]
Vector = dict[Labels, float]
_TOKEN = re.compile(r'\s*([a-z_][\w:]*|\d+(?:\.\d+)?(?:e[+-]?\d+)?|"[^"]*"|=~|[(){}\[\],*/<>=-])')


def series(name: str, samples: Sequence[float], **labels: str) -> dict[tuple[str, Labels], Sequence[float]]:
    """One series: a sample for each minute."""
    return {(name, frozenset(labels.items())): samples}


def broken(expression: str, recorded: Series, minute: int) -> bool:
    """Whether the expression has a value at a minute."""
    return bool(_Parser(expression, recorded, minute).comparison())


class _Parser:
    def __init__(self, text: str, recorded: Series, minute: int) -> None:
        self._tokens = _TOKEN.findall(text)
        assert "".join(self._tokens) == re.sub(r"\s", "", text), f"not understood: {text}"
        self._recorded = recorded
        self._minute = minute
        self._place = 0

    def _next(self) -> str:
        self._place += 1
        return self._tokens[self._place - 1]

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self, *expected: str) -> None:
        for token in expected:
            found = self._next()
            assert found == token, f"{found!r} where {token!r} was expected"

    def comparison(self) -> Vector:
        left = self._difference()
        operator, bound = self._next(), float(self._next())
        assert not self._peek(), "more than one comparison"
        return {k: v for k, v in left.items() if (v > bound if operator == ">" else v < bound)}

    def _difference(self) -> Vector:
        left = self._product()
        while self._peek() == "-":
            self._next()
            left = _each(left, self._product(), lambda a, b: a - b)
        return left

    def _product(self) -> Vector:
        left = self._factor()
        while self._peek() in ("*", "/"):
            operator = self._next()
            right = self._factor()
            left = _each(left, right, (lambda a, b: a * b) if operator == "*" else _divided)
        return left

    def _factor(self) -> Vector:
        token = self._next()
        if token[0].isdigit():
            return {frozenset(): float(token)}
        if token == "time":
            self._take("(", ")")
            return {frozenset(): self._minute * 60.0}
        if token == "sum" and self._peek() == "by":
            self._take("by", "(", "le", ")", "(")
            return self._closed(_sum_by_le(self._difference()))
        if token in ("sum", "max", "min"):
            self._take("(")
            inner = self._difference()
            pick = {"sum": math.fsum, "max": max, "min": min}[token]
            return self._closed({frozenset(): pick(inner.values())} if inner else {})
        if token in ("increase", "rate"):
            self._take("(")
            return self._closed(self._rise(self._next(), per_second=token == "rate"))
        if token == "histogram_quantile":
            self._take("(")
            quantile = float(self._next())
            self._take(",")
            return self._closed(_quantile(quantile, self._difference()))
        return {labels: samples[self._minute] for labels, samples in self._select(token).items()}

    def _closed(self, value: Vector) -> Vector:
        self._take(")")
        return value

    def _select(self, name: str) -> dict[Labels, Sequence[float]]:
        wanted = {}
        if self._peek() == "{":
            self._next()
            while self._peek() != "}":
                label = self._next()
                self._take("=~")
                wanted[label] = self._next().strip('"')
                if self._peek() == ",":
                    self._next()
            self._next()
        return {
            labels: samples
            for (found, labels), samples in self._recorded.items()
            if found == name and all(re.fullmatch(v, dict(labels).get(k, "")) for k, v in wanted.items())
        }

    def _rise(self, name: str, *, per_second: bool) -> Vector:
        chosen = self._select(name)
        self._take("[")
        minutes = int(self._next())
        self._take("m", "]")
        found = {}
        for labels, samples in chosen.items():
            since = max(0, self._minute - minutes)
            rise = samples[self._minute] - samples[since]
            found[labels] = rise / (minutes * 60) if per_second else rise
        return found


def _divided(left: float, right: float) -> float:
    return left / right if right else math.nan


def _each(left: Vector, right: Vector, apply: object) -> Vector:
    assert callable(apply)
    return {labels: apply(a, b) for labels, a in left.items() for b in right.values()}


def _sum_by_le(vector: Vector) -> Vector:
    found: Vector = {}
    for labels, value in vector.items():
        key = frozenset((name, text) for name, text in labels if name == "le")
        found[key] = found.get(key, 0.0) + value
    return found


def _quantile(quantile: float, vector: Vector) -> Vector:
    """The upper bound of the bucket that the quantile falls into; nothing without observations."""
    buckets = sorted((float(dict(labels)["le"]), value) for labels, value in vector.items())
    total = buckets[-1][1] if buckets else 0.0
    if not total:
        return {}
    return {frozenset(): next(bound for bound, below in buckets if below >= quantile * total)}
