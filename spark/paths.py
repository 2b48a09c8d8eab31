"""Where the lake is: the one function that turns a lake path into what Spark opens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_REMOTE: Final = ("abfss://", "s3a://")
_UNREADABLE: Final = frozenset("[]^|\\{}*?")
"""What no folder of a lake is named by: deltalake opens none with the first five, Spark takes the others for patterns."""


def unfit_folder(folder: str) -> str | None:
    """A sentence where the lake cannot lie in this folder, else None."""
    found = sorted(_UNREADABLE & set(folder))
    if not found:
        return None
    return f"{folder} has {' '.join(found)} in its path, which tables cannot lie below: take another folder"


@cache
def _resolved(root: str) -> str:
    return Path(root).resolve().as_posix().rstrip("/")


@dataclass(frozen=True, slots=True)
class LakeRoot:
    """The root of the lake: `abfss://<file system>@<account>…`, `s3a://<bucket>`, or a folder of this machine."""

    root: str

    @property
    def is_local(self) -> bool:
        """Whether the lake is a folder, so that its missing folders may be looked for directly."""
        return not self.root.startswith(_REMOTE)

    def uri(self, path: str) -> str:
        """What Spark opens for the lake path `path`, such as `bronze/resources`.

        Raises ValueError for a path that could leave the lake.
        """
        parts = path.split("/")
        if not path or any(part in ("", ".", "..") for part in parts):
            text = "A lake path is relative and has no empty, '.' or '..' parts."
            raise ValueError(text)
        if self.is_local:
            # Hadoop decodes no percent signs and Delta wants one slash: `Path.as_uri()` would name another place.
            return f"file:{_resolved(self.root)}/{path}"
        return f"{self.root.rstrip('/')}/{path}"
