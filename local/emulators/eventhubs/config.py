"""What the namespace contains: the official emulator's Config.json, or hubs named on the command line.

https://learn.microsoft.com/azure/event-hubs/test-locally-with-event-hub-emulator
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DEFAULT_GROUP: Final = "$Default"
MAX_PARTITIONS: Final = 32
_HUB_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?")
_GROUP_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,48}[A-Za-z0-9])?")


class ConfigError(ValueError):
    """A configuration that cannot be served; the text names the place and what is expected."""


@dataclass(frozen=True)
class HubConfig:
    """A hub's name, number of partitions and consumer groups beside `$Default`."""

    name: str
    partition_count: int
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _HUB_NAME.fullmatch(self.name):
            raise ConfigError(f"{self.name!r} is not a hub name: 1 to 256 letters, digits, '.', '-', '_'")
        if not 1 <= self.partition_count <= MAX_PARTITIONS:
            raise ConfigError(f"hub {self.name}: the number of partitions must be 1 to {MAX_PARTITIONS}")
        for group in self.groups:
            if not _GROUP_NAME.fullmatch(group):
                raise ConfigError(f"hub {self.name}: {group!r} is not a consumer group name")


def parse_hub(text: str) -> HubConfig:
    """`NAME:PARTITIONS` or `NAME:PARTITIONS:GROUP1,GROUP2`; raises ConfigError."""
    name, _, rest = text.partition(":")
    count, _, groups = rest.partition(":")
    if not count.isdecimal():
        raise ConfigError(f"{text!r}: expected NAME:PARTITIONS or NAME:PARTITIONS:GROUP1,GROUP2")
    named = tuple(group for group in groups.split(",") if group and group.lower() != DEFAULT_GROUP.lower())
    return HubConfig(name, int(count), named)


def read_config(path: Path) -> list[HubConfig]:
    """The hubs of a Config.json in the official emulator's form; raises ConfigError."""
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}") from error
    try:
        namespaces = document["UserConfig"]["NamespaceConfig"]
        hubs = [_entity(entity) for namespace in namespaces for entity in namespace["Entities"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: UserConfig.NamespaceConfig[].Entities[] expected ({error!r})") from error
    return hubs


def _entity(entity: dict[str, Any]) -> HubConfig:
    count = str(entity["PartitionCount"])
    if not count.isdecimal():
        raise ConfigError(f"hub {entity['Name']}: PartitionCount must be a number")
    groups = tuple(str(group["Name"]) for group in entity.get("ConsumerGroups") or ())
    named = tuple(group for group in groups if group.lower() != DEFAULT_GROUP.lower())
    return HubConfig(str(entity["Name"]), int(count), named)


def check_hubs(hubs: list[HubConfig]) -> list[HubConfig]:
    """The same hubs; raises ConfigError where there is none or one is named twice."""
    if not hubs:
        raise ConfigError("no hub is configured: give --config FILE or --hub NAME:PARTITIONS[:GROUP,…]")
    names = [hub.name.lower() for hub in hubs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"hub named more than once: {', '.join(twice)}")
    return hubs
