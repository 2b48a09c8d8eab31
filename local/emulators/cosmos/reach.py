"""What part of a container a request is about: one logical partition, a key prefix, a range of keys, or all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .documents import key_from_header
from .errors import range_gone
from .model import Container, Group, Item, Partition
from .partition_key import MAXIMUM, MINIMUM, effective_key, key_text


class Reach:
    """The partitions a query or feed goes through."""

    def __init__(
        self,
        groups: list[Group],
        partition: Partition | None = None,
        partitions: set[Partition] | None = None,
    ) -> None:
        self.groups = groups
        self.partition = partition
        # Where set, only these of the groups' partitions; they are few or the range is odd.
        self.partitions = partitions

    def items(self) -> Iterator[Item]:
        """Yields the items, by partition in order of creation."""
        if self.partition is not None:
            yield from self.partition.items.values()
        elif self.partitions is not None:
            for partition in self.partitions:
                yield from partition.items.values()
        else:
            for group in self.groups:
                yield from group.items()

    def holds(self, item: Item) -> bool:
        """Returns whether an item lies within."""
        if self.partition is not None:
            return item.partition is self.partition
        if self.partitions is not None:
            return item.partition in self.partitions
        return item.partition.group in self.groups

    def size(self) -> int:
        """Returns the number of items, counted only as far as that is cheap."""
        if self.partition is not None:
            return len(self.partition.items)
        if self.partitions is not None:
            return sum(len(partition.items) for partition in self.partitions)
        return sum(len(partition.items) for group in self.groups for partition in group.partitions.values())


def reach_of(container: Container, headers: Mapping[str, str]) -> Reach:
    """Returns what the headers of a query or feed ask for."""
    key = headers.get("x-ms-documentdb-partitionkey")
    if key:
        return _by_key(container, key)
    low = headers.get("x-ms-start-epk", MINIMUM)
    high = headers.get("x-ms-end-epk", MAXIMUM)
    range_id = headers.get("x-ms-documentdb-partitionkeyrangeid", "").rpartition(",")[2]
    if range_id:
        asked = next((each for each in container.ranges if each.id == range_id), None)
        if asked is None:
            raise range_gone()
        low, high = max(low, asked.low), min(high, asked.high)
    if low == MINIMUM and high == MAXIMUM:
        return Reach(list(container.groups.values()))
    return _by_range(container, low, high)


def ranges_within(container: Container, headers: Mapping[str, str]) -> list[str]:
    """Returns the ids of the physical partitions that a request goes to."""
    if len(container.ranges) == 1:
        return [container.ranges[0].id]
    named = headers.get("x-ms-documentdb-partitionkeyrangeid", "").rpartition(",")[2]
    if named:
        return [named]
    low, high = headers.get("x-ms-start-epk", MINIMUM), headers.get("x-ms-end-epk", MAXIMUM)
    key = headers.get("x-ms-documentdb-partitionkey")
    components = key_from_header(container, key) if key else []
    if len(components) == len(container.key_paths):
        low = high = effective_key(components, container.kind, container.key_version)
    return [each.id for each in container.ranges if (each.low < high or each.low <= low) and low < each.high]


def _by_key(container: Container, text: str) -> Reach:
    components = key_from_header(container, text)
    if len(components) == len(container.key_paths):
        partition = container.partition(components)
        return Reach([partition.group], partition) if partition else Reach([])
    if not components:
        return Reach(list(container.groups.values()))
    group = container.groups.get(key_text(components[:1]))
    if group is None:
        return Reach([])
    if len(components) == 1:
        return Reach([group])
    text = key_text(components)[:-1] + ","
    return Reach([group], None, {found for key, found in group.partitions.items() if key.startswith(text)})


def _by_range(container: Container, low: str, high: str) -> Reach:
    if container.kind == "MultiHash" and high == low + MAXIMUM:
        groups = [group for group in container.groups.values() if group.epk == low]
        if groups:
            return Reach(groups)
    within = {
        partition
        for partition in container.partitions.values()
        if low <= partition.epk < high or partition.epk == low
    }
    groups = list({id(partition.group): partition.group for partition in within}.values())
    if len(within) == 1:
        return Reach(groups, next(iter(within)))
    return Reach(groups, None, within)
