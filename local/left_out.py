"""What the tests install beside the platform is not loaded by its processes.

Azure's SDKs load aiohttp wherever it is installed, which is a quarter of what they take to load; the platform's calls
are synchronous, and where it is deployed aiohttp is not installed.
"""

from __future__ import annotations

import sys
from typing import Final

_NOT_OURS: Final = ("aiohttp",)


def leave_out() -> None:
    """From here on they are as absent in this process as in a deployed one."""
    for name in _NOT_OURS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
