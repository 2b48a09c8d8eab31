"""Which test files of which SDK are run, and what is left out of them.

All that a pattern names is selected, but for files about what the emulators do not set out to be: `LEFT_OUT` says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch

from local.layout import lock_of

GROUP = "sdk-tests"


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one package: its folder of tests, the files selected, the emulator they need."""

    package: str
    emulator: str
    selected: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    folder: str = "tests"
    # Tests of Event Hubs sleep until a connection has been idle for longer than a service keeps it.
    test_limit_s: int = 60
    file_limit_s: int = 900

    def selects(self, name: str) -> bool:
        """Returns whether the file, named by its path below the folder of tests, is run when none is named."""
        return any(fnmatch(name, pattern) for pattern in self.selected) and not any(
            fnmatch(name, pattern) for pattern in self.left_out
        )


SUITES = (
    Suite(
        "azure-cosmos",
        "cosmos",
        (
            "test_aggregate*.py", "test_change_feed*.py", "test_changefeed*.py", "test_computed_properties*.py",
            "test_crud*.py", "test_feed_range*.py", "test_headers*.py", "test_multi_orderby*.py", "test_none_options*.py",
            "test_orderby*.py", "test_partition_key*.py", "test_query*.py", "test_read_items*.py", "test_session*.py",
            "test_transactional_batch*.py", "test_ttl*.py",
        ),
        (
            "*vector*", "*hybrid*", "*full_text*", "*all_versions*", "*_unit*.py", "*advisor*",
        ),
    ),
    Suite("azure-storage-file-datalake", "datalake", ("test_file*.py", "test_directory*.py", "test_large_file*.py")),
    Suite(
        "azure-storage-blob",
        "datalake",
        (
            "test_append_blob*.py", "test_blob_access_conditions*.py", "test_block_blob*.py", "test_common_blob*.py",
            "test_container*.py", "test_get_blob*.py", "test_large_block_blob*.py",
        ),
    ),
    Suite(
        "azure-eventhub",
        "eventhubs",
        ("livetest/*/test_*.py",),
        ("*test_auth*.py", "*faultinjector*"),
        test_limit_s=400,
        file_limit_s=1800,
    ),
    Suite("azure-eventhub-checkpointstoreblob", "datalake", ("test_*.py",)),
    Suite("azure-eventhub-checkpointstoreblob-aio", "datalake", ("test_*.py",)),
)  # fmt: skip

LEFT_OUT = {
    "*vector*, *hybrid*, *full_text*": "vector, full-text and hybrid search",
    "*all_versions*": "the change feed of all versions",
    "*_unit*": "tests of the SDK itself that reach no service",
    "*advisor*": "the query advisor",
    "*test_auth*": "Entra tokens",
    "*faultinjector*": "a proxy that the source distribution does not hold",
}

# Why a single test of a selected file is not run: it needs what the emulators leave out, and nothing else is a reason.
OUT_OF_SCOPE = frozenset({
    "access control lists", "snapshots", "versions", "soft delete", "page blobs", "blob tags", "blob queries",
    "server-side JavaScript", "vector search", "full-text search", "several regions", "Entra tokens",
    "all-versions change feed",
})  # fmt: skip


def requirement(package: str) -> str:
    """Returns the lock's lines on a package, its hashes among them."""
    for group in ("function", GROUP):
        found = re.search(
            rf"(?m)^{re.escape(package)}==[^\n]*(?:\n[ \t]+[^\n]*)*", lock_of(group).read_text("utf-8")
        )
        if found:
            return found.group()
    raise LookupError(f"{package} is in no lock")


def version(package: str) -> str:
    """Returns the locked version of a package."""
    return requirement(package).partition("==")[2].split()[0]
