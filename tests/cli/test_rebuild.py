"""A rebuild that would not fit into memory is refused before it begins."""

from __future__ import annotations

import pytest

from local.cli.rebuild import MB_PER_1000_VERSIONS, free_memory_mb, require_memory
from local.exits import CommandStopped


def test_a_store_that_does_not_fit_is_refused_with_what_it_needs() -> None:
    with pytest.raises(CommandStopped, match="need about 70,000 MB, and 8,000 MB may be used"):
        require_memory(10_000_000, 8_000)


def test_a_store_that_fits_is_rebuilt() -> None:
    require_memory(1_000_000, 1_000 * MB_PER_1000_VERSIONS)


def test_a_system_that_does_not_say_is_believed_to_have_enough() -> None:
    require_memory(10_000_000, 0)
    assert free_memory_mb() >= 0
