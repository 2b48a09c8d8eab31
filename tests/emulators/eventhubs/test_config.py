"""Configuration: the official emulator's file, hubs on the command line, throughput units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.emulators.eventhubs.config import ConfigError, HubConfig, check_hubs, parse_hub, read_config
from local.emulators.eventhubs.throttle import Throttle


def written(folder: Path, document: Any) -> Path:
    path = folder / "Config.json"
    path.write_text(json.dumps(document))
    return path


def test_reads_the_official_emulators_form(tmp_path: Path) -> None:
    entity = {"Name": "eh1", "PartitionCount": "2", "ConsumerGroups": [{"Name": "cg1"}, {"Name": "$default"}]}
    namespace = {"Type": "EventHub", "Name": "emulatorNs1", "Entities": [entity]}
    document = {"UserConfig": {"NamespaceConfig": [namespace], "LoggingConfig": {"Type": "File"}}}
    assert read_config(written(tmp_path, document)) == [HubConfig("eh1", 2, ("cg1",))]


@pytest.mark.parametrize("document", [{}, {"UserConfig": {"NamespaceConfig": [{}]}}, []])
def test_names_what_is_missing_in_a_file(tmp_path: Path, document: Any) -> None:
    with pytest.raises(ConfigError, match=r"UserConfig.NamespaceConfig\[\].Entities\[\] expected"):
        read_config(written(tmp_path, document))


def test_reads_hubs_from_the_command_line() -> None:
    assert parse_hub("vital-signs:4:score,land") == HubConfig("vital-signs", 4, ("score", "land"))
    assert parse_hub("vital-signs:4") == HubConfig("vital-signs", 4)


@pytest.mark.parametrize("text", ["x", "x:", "x:many", "x:0", "x:33", "../x:1", ":1", "x:1:a b"])
def test_refuses_a_hub_that_cannot_be(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_hub(text)


def test_refuses_no_hub_and_one_named_twice() -> None:
    with pytest.raises(ConfigError, match="no hub"):
        check_hubs([])
    with pytest.raises(ConfigError, match="more than once: x"):
        check_hubs([HubConfig("x", 1), HubConfig("X", 1)])


def test_a_throughput_unit_is_a_thousand_events_or_a_megabyte_a_second() -> None:
    now_s = [0.0]
    throttle = Throttle.of_units(1, lambda: now_s[0])
    assert throttle.admits(1000, 10)
    assert not throttle.admits(1, 10)
    now_s[0] = 1.0
    assert throttle.admits(1, 1_000_000)
    assert not throttle.admits(1, 1)
    now_s[0] = 2.0
    assert throttle.admits(1, 1)
