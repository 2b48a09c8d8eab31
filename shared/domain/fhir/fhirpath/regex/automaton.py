"""Runs programs over texts: threads in order of priority, their sets remembered as the states of an automaton."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, TypeAlias

from shared.domain.fhir.fhirpath.regex.characters import is_word
from shared.domain.fhir.fhirpath.regex.pattern import PatternReader
from shared.domain.fhir.fhirpath.regex.program import Assembler, Instruction

Spend: TypeAlias = Callable[[int], None]
"""Told of the work that was done; raises when it is too much."""

_PREFIX: Final = "a match that begins here, as Perl would find it"
_SEARCH: Final = "any match anywhere"
_WHOLE: Final = "a match of everything"

_MAX_TRANSITIONS: Final = 20_000
"""Beyond, an automaton forgets its states and begins anew: memory stays bounded, time linear."""


class _State:
    """A set of threads before they have seen the next character; `before` is the character that they have seen last."""

    __slots__ = ("aim", "at_end", "before", "next", "threads")

    def __init__(self, threads: tuple[int, ...], before: str, aim: str) -> None:
        self.threads = threads
        self.before = before
        self.aim = aim
        self.next: dict[str, tuple[_State, bool]] = {}
        self.at_end: bool | None = None


class Pattern:
    """A compiled pattern. `names` are its named groups."""

    def __init__(self, text: str, flags: str = "") -> None:
        reader = PatternReader(text, flags)
        tree = reader.read()
        assembler = Assembler()
        self._start = assembler.assemble(tree)
        self._program: list[Instruction] = assembler.program
        self._states: dict[tuple[tuple[int, ...], str, str], _State] = {}
        self._transitions = 0
        self.names = reader.names
        self.groups = reader.groups

    def is_found(self, text: str, spend: Spend) -> bool:
        """Whether the pattern matches anywhere in `text`."""
        state = self._state((self._start,), "", _SEARCH)
        spend(len(text))
        for sign in text:
            state, is_match = state.next.get(sign) or self._read(state, sign, spend)
            if is_match:
                return True
        return self._matches_at_end(state)

    def is_whole(self, text: str, spend: Spend) -> bool:
        """Whether the pattern matches all of `text`."""
        return self._end(text, 0, spend, _WHOLE) == len(text)

    def matches(self, text: str, spend: Spend) -> Iterator[tuple[int, int]]:
        """Where the pattern matches, from left to right, as Perl would find it; nothing overlaps."""
        place = 0
        while place <= len(text):
            end = self._end(text, place, spend, _PREFIX)
            if end is not None:
                yield place, end
            place = end if end is not None and end > place else place + 1

    def _end(self, text: str, start: int, spend: Spend, aim: str) -> int | None:
        """Where the match that begins at `start` ends, None if none begins there."""
        end: int | None = None
        state = self._state((self._start,), text[max(start - 1, 0) : start], aim)
        for place in range(start, len(text)):
            spend(1)
            sign = text[place]
            state, is_match = state.next.get(sign) or self._read(state, sign, spend)
            if is_match:
                end = place
            if not state.threads:
                return end
        return len(text) if self._matches_at_end(state) else end

    def captures(self, text: str, start: int, end: int, spend: Spend) -> list[int | None]:
        """Where the groups of the match from `start` to `end` begin and end: two numbers for each, group 0 first."""
        threads: dict[int, tuple[int | None, ...]] = {self._start: (None,) * (2 * self.groups + 2)}
        for place in range(start, end + 1):
            spend(1 + len(threads))
            closed = self._closed_with_captures(threads, text, place)
            if place == end:
                found = next((slots for at, slots in closed if self._program[at].kind == "match"), None)
                return [start, end, *(found or ())[2:]]
            threads = {}
            for at, slots in closed:
                instruction = self._program[at]
                if instruction.characters is not None and text[place] in instruction.characters:
                    threads.setdefault(instruction.to[0], slots)
        return [start, end]

    def _closed_with_captures(
        self, threads: dict[int, tuple[int | None, ...]], text: str, place: int
    ) -> list[tuple[int, tuple[int | None, ...]]]:
        before, after = text[max(place - 1, 0) : place], text[place : place + 1]
        found: dict[int, tuple[int | None, ...]] = {}
        seen: set[int] = set()
        stack = list(reversed(threads.items()))
        while stack:
            at, slots = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            instruction = self._program[at]
            if instruction.kind in ("read", "match"):
                found[at] = slots
            elif instruction.kind == "save":
                kept = (*slots[: instruction.slot], place, *slots[instruction.slot + 1 :])
                stack.append((instruction.to[0], kept))
            elif instruction.kind == "fork" or _holds(instruction.assertion, before, after):
                stack.extend((to, slots) for to in reversed(instruction.to))
        return list(found.items())

    def _state(self, threads: tuple[int, ...], before: str, aim: str) -> _State:
        key = (threads, _kind(before), aim)
        state = self._states.get(key)
        if state is None:
            if self._transitions > _MAX_TRANSITIONS:
                self._states, self._transitions = {}, 0
            state = self._states[key] = _State(threads, before, aim)
        return state

    def _read(self, state: _State, sign: str, spend: Spend) -> tuple[_State, bool]:
        """The state after `sign`, and whether a match ended before it."""
        threads: dict[int, None] = {}
        is_match = False
        closed = self._closed(state.threads, state.before, sign)
        spend(1 + len(closed))
        for at in closed:
            instruction = self._program[at]
            if instruction.characters is None:
                is_match = True
                if state.aim is not _WHOLE:
                    break
            elif sign in instruction.characters:
                threads[instruction.to[0]] = None
        if state.aim is _SEARCH:
            threads[self._start] = None
        after = self._state(tuple(threads), sign, state.aim)
        state.next[sign] = after, is_match
        self._transitions += 1
        return after, is_match

    def _matches_at_end(self, state: _State) -> bool:
        if state.at_end is None:
            closed = self._closed(state.threads, state.before, "")
            state.at_end = any(self._program[at].kind == "match" for at in closed)
        return state.at_end

    def _closed(self, threads: tuple[int, ...], before: str, after: str) -> list[int]:
        """The instructions that read or match which the threads reach without reading, in order of priority."""
        found: list[int] = []
        seen: set[int] = set()
        stack = list(reversed(threads))
        while stack:
            at = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            instruction = self._program[at]
            if instruction.kind in ("read", "match"):
                found.append(at)
            elif instruction.kind != "assert" or _holds(instruction.assertion, before, after):
                stack.extend(reversed(instruction.to))
        return found


def _kind(sign: str) -> str:
    """What assertions can tell of a character: that there is none, that it ends a line, whether it is of a word."""
    return sign if sign in ("", "\n") else "w" if is_word(sign) else " "


def _holds(assertion: str, before: str, after: str) -> bool:
    if assertion == "start":
        return not before
    if assertion == "end":
        return not after
    if assertion == "start of line":
        return before in ("", "\n")
    if assertion == "end of line":
        return after in ("", "\n")
    is_edge = (before != "" and is_word(before)) != (after != "" and is_word(after))
    return is_edge is (assertion == "word edge")


@lru_cache(maxsize=512)
def compile_pattern(text: str, flags: str = "") -> Pattern:
    """The pattern that `text` writes; `i` ignores case, `m` lets `^` and `$` match at the edges of lines.

    Raises FhirPathError for what is no pattern, not supported, or too large.
    """
    return Pattern(text, flags)
