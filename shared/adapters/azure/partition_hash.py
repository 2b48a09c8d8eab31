"""Keeps the hashes of partition keys that the SDK of Cosmos DB makes in plain Python for the session token of each call.

They are functions of the key alone (`azure/cosmos/partition_key.py`), and a patient's home comes again with every reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from azure.cosmos import PartitionKey

REMEMBERED: Final = 20_000
_HASH: Final = "_get_effective_partition_key_for_multi_hash_partitioning_v2"
_KEPT: Final = "kept_by_galen"


def keep_hashes() -> None:
    """From now on this process makes each hash once. An SDK that goes another way goes on as it does."""
    made = getattr(PartitionKey, _HASH, None)
    if made is None or hasattr(made, _KEPT):
        return

    @lru_cache(REMEMBERED)
    def kept(key: tuple[str, ...]) -> Any:
        return made(key)

    def hashed(values: Sequence[Any]) -> Any:
        # Text alone: 1, 1.0 and True are equal to a cache, and have other hashes here.
        return kept(tuple(values)) if all(type(value) is str for value in values) else made(values)

    setattr(hashed, _KEPT, kept)
    setattr(PartitionKey, _HASH, staticmethod(hashed))
