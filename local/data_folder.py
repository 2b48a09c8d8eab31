"""The folder that holds a platform's state: recognised by a marker, held by a lock, emptied only if it is ours."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

from local.exits import USAGE, CommandStopped
from local.layout import DEFAULT_DATA

MARKER = ".galen-data"
LOCK = "lock"
_MARKER_TEXT = (
    "State of a local Galen platform. `python3 -m local up --fresh` deletes everything in this folder.\n"
)


class DataFolder:
    """A data folder held by this process until `release`."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def hold(cls, path: Path) -> DataFolder:
        """Makes the folder where it is missing and takes its lock.

        Raises CommandStopped where the folder is somebody else's, or a platform runs on it.
        """
        _claim(path)
        lock = (path / LOCK).open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip()
            lock.close()
            raise CommandStopped(
                f"a platform already runs on {path} (process {pid}): stop it, or give this one another --data and --port",
                USAGE,
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        return cls(path, lock)

    def release(self) -> None:
        """Lets the next platform have the folder."""
        self._lock.close()

    def empty(self) -> None:
        """Deletes what is in the folder; links are removed, never followed.

        The marker and the lock stay, and so does a folder inside that is itself a data folder.
        """
        for entry in self.path.iterdir():
            if entry.name in (MARKER, LOCK) or (entry / MARKER).exists():
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def keep_private() -> None:
    """What this process and its children make from now on is for its owner alone: it may be of real patients."""
    os.umask(0o077)


def is_held(path: Path) -> bool:
    """Whether a platform runs on the folder."""
    try:
        with (path / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _claim(path: Path) -> None:
    try:
        # Whatever lies below is the patients' own: for the eyes of the owner of the folder only.
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (path / MARKER).exists():
            if path != DEFAULT_DATA and any(path.iterdir()):
                raise CommandStopped(
                    f"{path} holds files that are not Galen's: give --data a new or an empty folder", USAGE
                )
            (path / MARKER).write_text(_MARKER_TEXT, "utf-8")
    except OSError as failure:
        raise CommandStopped(f"{path} cannot be used as --data: {failure.strerror}", USAGE) from failure
