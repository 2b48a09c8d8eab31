"""What every process of the platform and every command does before it loads anything else.

What the tests install beside the platform is left out. Azure's SDKs load aiohttp wherever it is installed, which is a
quarter of what they take to load; the platform's calls are synchronous, and where it is deployed aiohttp is not installed.

And the garbage collector looks seldom: what a process loads stays to its end, and looking through it once in 700 new
objects is a tenth of what a worker takes to start, which halves. A worker that was given a processor stays on it.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

from local.processors import settle

_NOT_OURS: Final = ("aiohttp",)
_OBJECTS_BETWEEN_COLLECTIONS: Final = 100_000


def start_lean() -> None:
    """From here on what is not ours is as absent in this process as in a deployed one."""
    for name in _NOT_OURS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 50)
    settle()
