"""One process at a time on a data folder: the second says so and ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_LOCK = "lock"


class FolderTaken(SystemExit):
    """Another process has the folder; the text is what the user reads."""


def hold(folder: Path, what: str) -> int:
    """Returns a descriptor that holds the folder until it is closed or the process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise FolderTaken(
            f"Another {what} emulator owns this data folder, {folder}; stop it or use another --data."
        ) from None
    return descriptor
