"""The closures that run for every item: paths, equality, arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .values import UNDEFINED, is_number, same, tidy

Frame = list[Any]
Evaluator = Callable[[Frame], Any]


def step(base: Evaluator, name: str) -> Evaluator:
    """Returns the evaluator of a property of a computed value."""

    def one_step(frame: Frame) -> Any:
        value = base(frame)
        return value.get(name, UNDEFINED) if value.__class__ is dict else UNDEFINED

    return one_step


def path_evaluator(slot: int, names: tuple[str, ...]) -> Evaluator:
    """Returns the evaluator of a path; what is no object has no such key and raises just that."""
    if not names:
        return lambda frame: frame[slot]
    if len(names) == 1:
        (only,) = names

        def one(frame: Frame) -> Any:
            try:
                return frame[slot][only]
            except (KeyError, TypeError):
                return UNDEFINED

        return one
    if len(names) == 2:
        first, second = names

        def two(frame: Frame) -> Any:
            try:
                return frame[slot][first][second]
            except (KeyError, TypeError):
                return UNDEFINED

        return two

    def many(frame: Frame) -> Any:
        value = frame[slot]
        try:
            for name in names:
                value = value[name]
        except (KeyError, TypeError):
            return UNDEFINED
        return value

    return many


def equality(left: Evaluator, right: Evaluator) -> Evaluator:
    """Returns the evaluator of `left = right`, texts first: they are what is mostly compared."""

    def compared(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        if one.__class__ is str and other.__class__ is str:
            return one == other
        if one is UNDEFINED or other is UNDEFINED:
            return UNDEFINED
        return same(one, other)

    return compared


def joined(left: Any, right: Any) -> Any:
    """Returns two texts as one."""
    return left + right if isinstance(left, str) and isinstance(right, str) else UNDEFINED


def on_numbers(compute: Callable[[Any, Any], Any], left: Any, right: Any, integers: bool) -> Any:
    """Returns what is computed of two numbers, as whole numbers where `integers`."""
    if not is_number(left) or not is_number(right):
        return UNDEFINED
    try:
        return tidy(compute(int(left), int(right)) if integers else compute(left, right))
    except (ZeroDivisionError, OverflowError, ValueError):
        return UNDEFINED
