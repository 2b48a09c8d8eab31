"""Trees to programs: a list of instructions that many threads may run through at once."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.regex.characters import Characters
from shared.domain.fhir.fhirpath.regex.pattern import Assertion, Choice, Group, Repeat, Sequence, Tree

MAX_SIZE: Final = 5_000
"""Instructions. R4's longest pattern has some 300."""


class Instruction(msgspec.Struct):
    """`kind` is read, fork, save, assert or match; `to` is where threads go on, the first with priority."""

    kind: str
    to: tuple[int, ...] = ()
    characters: Characters | None = None
    slot: int = 0
    assertion: str = ""


class Assembler:
    """Lays a tree out as instructions, from its end to its beginning: each part is told where to go on."""

    def __init__(self) -> None:
        self.program: list[Instruction] = [Instruction("match")]
        self.work = 0

    def assemble(self, tree: Tree) -> int:
        """Where the program for `tree` begins; it ends with `match` at 0."""
        return self._part(tree, 0)

    def _add(self, instruction: Instruction) -> int:
        self.program.append(instruction)
        return len(self.program) - 1

    def _part(self, tree: Tree, after: int) -> int:
        self.work += 1
        if len(self.program) + self.work > 4 * MAX_SIZE or len(self.program) > MAX_SIZE:
            raise FhirPathError("A regular expression is too large.")
        if isinstance(tree, Characters):
            return self._add(Instruction("read", (after,), characters=tree))
        if isinstance(tree, Sequence):
            for part in reversed(tree.parts):
                after = self._part(part, after)
            return after
        if isinstance(tree, Choice):
            return self._add(Instruction("fork", tuple(self._part(part, after) for part in tree.parts)))
        if isinstance(tree, Group):
            end = self._add(Instruction("save", (after,), slot=2 * tree.number + 1))
            return self._add(Instruction("save", (self._part(tree.part, end),), slot=2 * tree.number))
        if isinstance(tree, Assertion):
            return self._add(Instruction("assert", (after,), assertion=tree.kind))
        return self._repeat(tree, after)

    def _repeat(self, tree: Repeat, after: int) -> int:
        if tree.high is None:
            loop = self._add(Instruction("fork"))
            body = self._part(tree.part, loop)
            self.program[loop].to = (body, after) if tree.is_greedy else (after, body)
            after = loop
        else:
            end = after
            for _ in range(tree.high - tree.low):
                body = self._part(tree.part, after)
                after = self._add(Instruction("fork", (body, end) if tree.is_greedy else (end, body)))
        for _ in range(tree.low):
            after = self._part(tree.part, after)
        return after
