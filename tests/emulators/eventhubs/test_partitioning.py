"""Keys land where Azure puts them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from azure.eventhub._buffered_producer import _partition_resolver

from local.emulators.eventhubs.partitioning import lookup3, partition_of

resolver: Any = _partition_resolver
RANDOM = random.Random(20260101)
KEYS = ["".join(RANDOM.choices("abcdef0123456789-", k=length)) for length in range(1, 60) for _ in range(5)]


def folded(key: str) -> int:
    """The signed 16-bit hash that the SDKs go by."""
    primary, secondary = lookup3(key.encode())
    value = (primary ^ secondary) & 0xFFFF
    return value - 0x10000 if value >= 0x8000 else value


def test_hashes_keys_as_the_sdk_does() -> None:
    assert [folded(key) for key in KEYS] == [resolver.generate_hash_code(key) for key in KEYS]


@pytest.mark.parametrize(
    ("text", "expected"), [("", 0xDEADBEEF), ("Four score and seven years ago", 0x17770551)]
)
def test_hashes_the_published_examples_of_lookup3(text: str, expected: int) -> None:
    assert lookup3(text.encode())[0] == expected


@pytest.mark.parametrize("count", [1, 2, 4, 5, 7, 32])
def test_places_keys_as_the_sdk_does_where_the_remainder_has_no_sign(count: int) -> None:
    of_sdk = resolver.PartitionResolver([str(number) for number in range(count)])
    keys = [key for key in KEYS if resolver.generate_hash_code(key) >= 0]
    assert [str(partition_of(key, count)) for key in keys] == [
        of_sdk.get_partition_id_by_partition_key(key) for key in keys
    ]


def test_takes_the_remainder_of_negative_hashes_towards_zero() -> None:
    keys = [key for key in KEYS if resolver.generate_hash_code(key) < 0]
    assert [partition_of(key, 5) for key in keys] == [-resolver.generate_hash_code(key) % 5 for key in keys]
