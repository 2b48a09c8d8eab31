"""Which slice of an element an item belongs to.

https://hl7.org/fhir/R4/profiling.html#discriminator
"""

from __future__ import annotations

from collections.abc import Callable

from shared.domain.fhir.definitions.model import Definitions, Strength
from shared.domain.fhir.validation.profiles.instance import Instances, Item, Undecidable
from shared.domain.fhir.validation.profiles.matching import fits_pattern, is_fixed, is_in_value_set
from shared.domain.fhir.validation.profiles.model import Discriminator, Node, Slicing

Test = Callable[[Item], bool]


class Slices:
    """Divides the items of sliced elements."""

    def __init__(self, definitions: Definitions, instances: Instances) -> None:
        self._definitions = definitions
        self._instances = instances
        self._tests_by_slice: dict[Node, list[Test]] = {}

    def divide(self, node: Node, items: list[Item]) -> dict[str, list[Item]] | None:
        """Slice name → its items, and under "" those in no slice; None where that cannot be told."""
        if node.slicing is None:
            return None
        divided: dict[str, list[Item]] = {name: [] for name in ("", *node.slices)}
        try:
            for item in items:
                divided[self._slice_of(item, node, node.slicing)].append(item)
        except Undecidable:
            return None
        return divided

    def _slice_of(self, item: Item, node: Node, slicing: Slicing) -> str:
        for name, slice_ in node.slices.items():
            if all(test(item) for test in self._tests_of(slice_, slicing)):
                return name
        return ""

    def _tests_of(self, slice_: Node, slicing: Slicing) -> list[Test]:
        """One test for each discriminator, made once for a slice; profiles live as long as the process."""
        tests = self._tests_by_slice.get(slice_)
        if tests is None:
            if not slicing.discriminators:
                raise Undecidable
            tests = [self._test(slice_, each) for each in slicing.discriminators]
            self._tests_by_slice[slice_] = tests
        return tests

    def _test(self, slice_: Node, discriminator: Discriminator) -> Test:
        path, reached = discriminator.path, self._instances.reached
        wanted = _demands(slice_, path)
        match discriminator.kind:
            case "exists":
                expected = _must_exist(wanted)
                return lambda item: bool(reached(item, path)) == expected
            case "type":
                names = [type_.name for node in wanted for type_ in node.types]
                if not names:
                    raise Undecidable
                return lambda item: any(self._is_any(each, names) for each in reached(item, path))
            case "value" | "pattern":
                tests = [test for node in wanted for test in self._tests(node)]
                if not tests:
                    urls = _extension_urls(slice_, path)
                    return lambda item: any(each.value in urls for each in reached(item, path))
                return lambda item: _each_is_met(tests, reached(item, path))
            case _:
                raise Undecidable

    def _is_any(self, item: Item, names: list[str]) -> bool:
        return any(self._instances.is_a(item, name) for name in names)

    def _tests(self, node: Node) -> list[Test]:
        """What a value or pattern discriminator asks of the reached items: fixed, pattern, a required binding, or below."""
        tests: list[Test] = []
        if node.fixed is not None:
            tests.append(lambda item: is_fixed(item.value, node.fixed))
        if node.pattern is not None:
            tests.append(lambda item: fits_pattern(item.value, node.pattern))
        if node.binding is not None and node.binding.strength is Strength.REQUIRED:
            codes = self._definitions.value_set(node.binding.value_set)
            if codes is not None:
                tests.append(lambda item: is_in_value_set(item.value, codes) is True)
        for child in node.children.values():
            for candidate in (child, *child.slices.values()):
                tests += [self._below(child.name, test) for test in self._tests(candidate)]
        return tests

    def _below(self, name: str, test: Test) -> Test:
        return lambda item: any(test(each) for each in self._instances.children(item, name))


def _demands(slice_: Node, path: str) -> list[Node]:
    """The nodes of a slice that its discriminator's path names; slices of slices on the way count too."""
    nodes = [slice_]
    for step in path.split("."):
        if step == "$this":
            continue
        below = [node.children[step] for node in nodes if step in node.children]
        nodes = [candidate for node in below for candidate in (node, *node.slices.values())]
    return nodes


def _must_exist(nodes: list[Node]) -> bool:
    if any(node.high == 0 for node in nodes):
        return False
    if any(node.low for node in nodes):
        return True
    raise Undecidable


def _each_is_met(tests: list[Test], items: list[Item]) -> bool:
    return all(any(test(item) for item in items) for test in tests)


def _extension_urls(slice_: Node, path: str) -> frozenset[str]:
    """Slices of extensions say their `url` by the profile of their type."""
    urls = frozenset(profile.partition("|")[0] for type_ in slice_.types for profile in type_.profiles)
    if path != "url" or not urls:
        raise Undecidable
    return urls
