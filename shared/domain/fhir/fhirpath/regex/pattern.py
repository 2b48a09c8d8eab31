"""Patterns to trees: what Perl, Java and ECMAScript have in common, without back references and looking around."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import msgspec

from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.regex.characters import ANY, CLASSES, Characters, Test, of_category

MAX_COUNT: Final = 1_000
MAX_NESTING: Final = 50
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0", "a": "\a", "e": "\x1b"}
_COUNT: Final = re.compile(r"\{(\d{1,9})(?:(,)(\d{1,9})?)?\}")
_CODE: Final = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|x\{([0-9a-fA-F]{1,6})\}")
_CATEGORY: Final = re.compile(r"([pP])(?:\{(?:Is)?([A-Z][a-z]?)\}|([A-Z]))")
_NAME: Final = re.compile(r"\?P?<([A-Za-z][A-Za-z0-9_]*)>")
_ASSERTIONS: Final = {"b": "word edge", "B": "no word edge", "A": "start", "z": "end", "Z": "end"}


class Sequence(msgspec.Struct, frozen=True):
    """Parts one after the other."""

    parts: tuple[Tree, ...]


class Choice(msgspec.Struct, frozen=True):
    """One of the parts, the first that leads to a match."""

    parts: tuple[Tree, ...]


class Repeat(msgspec.Struct, frozen=True):
    """`part` from `low` to `high` times (None: without limit), as often as possible or as rarely."""

    part: Tree
    low: int
    high: int | None
    is_greedy: bool


class Group(msgspec.Struct, frozen=True):
    """What `$number` stands for."""

    part: Tree
    number: int


class Assertion(msgspec.Struct, frozen=True):
    """`start`, `end`, the same `of line`, `word edge` or `no word edge`."""

    kind: str


Tree: TypeAlias = Sequence | Choice | Repeat | Group | Assertion | Characters


class PatternReader:
    """Reads one pattern; `names` are its named groups, `groups` their number."""

    def __init__(self, text: str, flags: str = "") -> None:
        if not set(flags) <= set("im"):
            raise FhirPathError("A regular expression has flags other than i and m.")
        self.ignores_case = "i" in flags
        self.is_multiline = "m" in flags
        self.text = text
        self.place = 0
        self.groups = 0
        self.nesting = 0
        self.names: dict[str, int] = {}

    def read(self) -> Tree:
        """The tree. Raises FhirPathError for what is no pattern or is not supported."""
        tree = self.choice()
        if self.place < len(self.text):
            raise _wrong("has a `)` too many")
        return tree

    def next_is(self, sign: str) -> bool:
        return self.text.startswith(sign, self.place)

    def choice(self) -> Tree:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise _wrong(f"is nested deeper than {MAX_NESTING} levels")
        parts = [self.sequence()]
        while self.next_is("|"):
            self.place += 1
            parts.append(self.sequence())
        self.nesting -= 1
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self) -> Tree:
        parts: list[Tree] = []
        while self.place < len(self.text) and self.text[self.place] not in "|)":
            parts.append(self.repeated(self.atom()))
        return Sequence(tuple(parts))

    def repeated(self, part: Tree) -> Tree:
        bounds = self.bounds()
        if bounds is None:
            return part
        if isinstance(part, Assertion):
            raise _wrong("repeats what has no length")
        if self.next_is("+"):
            raise _wrong("has a possessive quantifier, which is not supported")
        is_lazy = self.next_is("?")
        self.place += is_lazy
        if self.bounds() is not None:
            raise _wrong("has two quantifiers in a row")
        return Repeat(part, *bounds, is_greedy=not is_lazy)

    def bounds(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        sign = self.text[self.place : self.place + 1]
        if sign in simple:
            self.place += 1
            return simple[sign]
        match = _COUNT.match(self.text, self.place)
        if match is None:
            return None
        self.place = match.end()
        low = int(match[1])
        high = low if match[2] is None else int(match[3]) if match[3] else None
        if max(low, high or 0) > MAX_COUNT or (high is not None and high < low):
            raise _wrong(f"has a count beyond {MAX_COUNT}, or one that ends before it begins")
        return low, high

    def atom(self) -> Tree:
        sign = self.text[self.place]
        self.place += 1
        if sign == "(":
            return self.group()
        if sign == "[":
            return self.bracket()
        if sign == "\\":
            return self.escape()
        if sign in "*+?":
            raise _wrong("has a quantifier with nothing before it")
        if sign in "^$":
            edge = "start" if sign == "^" else "end"
            return Assertion(f"{edge} of line" if self.is_multiline else edge)
        return ANY if sign == "." else self.only(sign)

    def only(self, sign: str) -> Characters:
        return Characters(((sign, sign),), ignores_case=self.ignores_case)

    def group(self) -> Tree:
        number = 0
        if self.next_is("?:"):
            self.place += 2
        elif self.next_is("?"):
            match = _NAME.match(self.text, self.place)
            if match is None:
                raise _wrong("looks around or has flags, which is not supported")
            self.place = match.end()
            self.groups += 1
            number = self.names[match[1]] = self.groups
        else:
            self.groups += 1
            number = self.groups
        part = self.choice()
        if not self.next_is(")"):
            raise _wrong("has a `(` without its `)`")
        self.place += 1
        return Group(part, number) if number else part

    def escape(self) -> Tree:
        sign = self.text[self.place : self.place + 1]
        if sign in _ASSERTIONS and sign:
            self.place += 1
            return Assertion(_ASSERTIONS[sign])
        found = self.escaped()
        return self.only(found) if isinstance(found, str) else Characters(classes=(found,))

    def escaped(self) -> str | Test:
        """What a backslash writes, in a class or outside: a character, or the test of a class."""
        for table in (_CATEGORY, _CODE):
            match = table.match(self.text, self.place)
            if match is not None:
                self.place = match.end()
                if table is _CATEGORY:
                    return of_category(match[2] or match[3], is_negated=match[1] == "P")
                code = int(next(group for group in match.groups() if group), 16)
                return chr(min(code, 0x10FFFF))
        sign = self.text[self.place : self.place + 1]
        self.place += 1
        if sign in CLASSES:
            return CLASSES[sign]
        if not sign or sign in "123456789k":
            raise _wrong("ends with a backslash, or refers back, which is not supported")
        return _CONTROLS.get(sign, sign)

    def bracket(self) -> Characters:
        is_negated = self.next_is("^")
        self.place += is_negated
        ranges: list[tuple[str, str]] = []
        classes: list[Test] = []
        is_first = True
        while is_first or not self.next_is("]"):
            is_first = False
            low = self.member()
            if not isinstance(low, str):
                classes.append(low)
                continue
            high: str | Test = low
            if self.next_is("-") and not self.text.startswith("-]", self.place):
                self.place += 1
                high = self.member()
            if not isinstance(high, str) or high < low:
                raise _wrong("has a range that ends before it begins")
            ranges.append((low, high))
        self.place += 1
        return Characters(tuple(ranges), tuple(classes), is_negated, self.ignores_case)

    def member(self) -> str | Test:
        if self.place >= len(self.text):
            raise _wrong("has a `[` without its `]`")
        sign = self.text[self.place]
        self.place += 1
        if sign != "\\":
            return sign
        if self.next_is("b"):
            self.place += 1
            return "\b"
        return self.escaped()


def _wrong(what: str) -> FhirPathError:
    return FhirPathError(f"A regular expression {what}.")
