"""Hashes of partition keys are the SDK's own, whether they were kept or not."""

from __future__ import annotations

from typing import Any

import pytest
from azure.cosmos import PartitionKey

from shared.adapters.azure import partition_hash

KEY = PartitionKey(["/tenant", "/home"], kind="MultiHash")
VALUES: tuple[list[Any], ...] = (
    ["a", "b"],
    ["b", "a"],
    ["a", "ä"],
    ["", ""],
    [1, "b"],
    [1.0, "b"],
    [True, "b"],
)


def test_a_kept_hash_is_the_one_that_the_sdk_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    own = PartitionKey.__dict__[partition_hash._HASH]
    plain = getattr(own.__func__, partition_hash._KEPT, own.__func__)
    made = getattr(plain, "__wrapped__", plain)
    monkeypatch.setattr(PartitionKey, partition_hash._HASH, staticmethod(made))
    expected = [KEY._get_effective_partition_key_string(value) for value in VALUES]
    partition_hash.keep_hashes()
    partition_hash.keep_hashes()
    for _ in range(2):
        assert [KEY._get_effective_partition_key_string(value) for value in VALUES] == expected
    assert len(set(expected[:5])) == 5
