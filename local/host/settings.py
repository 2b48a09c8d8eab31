"""`host.json` and `local.settings.json` as the host reads them.

host.json: https://learn.microsoft.com/azure/azure-functions/functions-host-json. Values of the settings file become
environment variables unless those are set already, as `func start` does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.host.retry import RetryPolicy

_REFERENCE = re.compile(r"%([^%]+)%")


class SettingsRejected(Exception):
    """A settings file or a named setting is missing or malformed; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class EventHubOptions:
    """`extensions.eventHubs` with the defaults of extension 5 (and up) as `EventHubOptions.cs` has them."""

    max_batch: int = 100
    min_batch: int = 1
    max_wait_s: float = 60.0
    checkpoint_frequency: int = 1
    prefetch: int = 300
    from_end: bool = False


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What of host.json this host honours."""

    route_prefix: str = "api"
    event_hubs: EventHubOptions = field(default_factory=EventHubOptions)
    retry: RetryPolicy | None = None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsRejected(f"{path.name} is missing; give the app's folder with --app") from None
    except ValueError as broken:
        raise SettingsRejected(f"{path.name} is not valid JSON: {broken}") from None
    if not isinstance(content, dict):
        raise SettingsRejected(f"{path.name} must hold a JSON object")
    return content


def read_host_settings(app_directory: Path) -> HostSettings:
    """host.json of the app; a version other than 2.0 is refused as the real host refuses it."""
    content = _read_json(app_directory / "host.json")
    if content.get("version") != "2.0":
        raise SettingsRejected(
            "The host.json file is missing the required 'version' property with the value '2.0'"
        )
    extensions = content.get("extensions") or {}
    prefix = (extensions.get("http") or {}).get("routePrefix", "api")
    retry = content.get("retry")
    return HostSettings(
        route_prefix=str(prefix).strip("/"),
        event_hubs=_event_hub_options(extensions.get("eventHubs") or {}),
        retry=RetryPolicy.parse(retry) if retry else None,
    )


def _event_hub_options(section: Mapping[str, Any]) -> EventHubOptions:
    """Older releases nest some of these below `eventProcessorOptions`; those are not read any more since 5.0."""
    from local.host.retry import seconds_of

    defaults = EventHubOptions()
    offset = (section.get("initialOffsetOptions") or {}).get("type", "fromStart")
    if offset not in ("fromStart", "fromEnd"):
        raise SettingsRejected(
            f"initialOffsetOptions.type '{offset}' is not supported: use fromStart or fromEnd"
        )
    wait = section.get("maxWaitTime")
    return EventHubOptions(
        max_batch=int(section.get("maxEventBatchSize", defaults.max_batch)),
        min_batch=int(section.get("minEventBatchSize", defaults.min_batch)),
        max_wait_s=seconds_of(wait) if wait else defaults.max_wait_s,
        checkpoint_frequency=max(
            1, int(section.get("batchCheckpointFrequency", defaults.checkpoint_frequency))
        ),
        prefetch=int(section.get("prefetchCount", defaults.prefetch)),
        from_end=offset == "fromEnd",
    )


def apply_local_settings(path: Path) -> None:
    """Put `Values` of the settings file into the environment, where a name is not set there yet."""
    values = _read_json(path).get("Values") or {}
    for name, value in values.items():
        if not isinstance(value, str):
            raise SettingsRejected(f"{path.name}: the value of {name} must be a string")
        os.environ.setdefault(name, value)


def resolve(text: str) -> str:
    """Replace every `%NAME%` by that setting, as binding expressions do; a missing one is named."""

    def value(reference: re.Match[str]) -> str:
        found = os.environ.get(reference[1])
        if found is None:
            raise SettingsRejected(f"'%{reference[1]}%' does not resolve to a value: set {reference[1]}")
        return found

    return _REFERENCE.sub(value, text)


def connection(name: str) -> str:
    """The connection string in the setting of that name, or in `AzureWebJobs<name>`, where the host looks first."""
    found = os.environ.get(f"AzureWebJobs{name}") or os.environ.get(name)
    if not found:
        if any(key.startswith(f"{name}__") for key in os.environ):
            raise SettingsRejected(
                f"{name}: identity-based connections need Azure; give a connection string locally"
            )
        raise SettingsRejected(f"the connection setting {name} is missing: set it to a connection string")
    return found
