"""Sets of characters, as classes and escapes of a pattern write them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

Test: TypeAlias = Callable[[str], bool]


class Characters(msgspec.Struct, frozen=True):
    """Characters from ranges and from classes, or all but those."""

    ranges: tuple[tuple[str, str], ...] = ()
    classes: tuple[Test, ...] = ()
    is_negated: bool = False
    ignores_case: bool = False

    def __contains__(self, sign: str) -> bool:
        forms = {sign, sign.lower(), sign.upper()} if self.ignores_case else (sign,)
        return any(self._has(form) for form in forms) is not self.is_negated

    def _has(self, sign: str) -> bool:
        return any(low <= sign <= high for low, high in self.ranges) or any(
            test(sign) for test in self.classes
        )


ANY: Final = Characters(is_negated=True)


def is_word(sign: str) -> bool:
    """ASCII letters, digits and the underscore."""
    return sign.isascii() and (sign.isalnum() or sign == "_")


def is_digit(sign: str) -> bool:
    """ASCII digits."""
    return "0" <= sign <= "9"


def _not(test: Test) -> Test:
    return lambda sign: not test(sign)


CLASSES: Final[dict[str, Test]] = {
    "d": is_digit,
    "D": _not(is_digit),
    "w": is_word,
    "W": _not(is_word),
    "s": str.isspace,
    "S": _not(str.isspace),
}
"""What follows a backslash → whether a character is of that class."""


def of_category(name: str, *, is_negated: bool) -> Test:
    r"""`\p{L}`, `\p{Lu}`: Unicode's general categories."""
    test: Test = lambda sign: unicodedata.category(sign).startswith(name)  # noqa: E731
    return _not(test) if is_negated else test
