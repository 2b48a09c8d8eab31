"""Which files of the checkout a function package holds: what the functions import, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ROOT: Final = ("function_app.py", "host.json")
_FOLDERS: Final = ("functions", "shared")
_OTHER_CLOUD: Final = ("functions/aws", "shared/adapters/aws")
_NEVER_SERVED: Final = ("shared/adapters/memory",)
"""The reference adapters: tests and commands run on them."""
_LEFT_OUT: Final = ("__pycache__",)


def source_files(checkout: Path) -> Iterator[Path]:
    """Paths below the checkout, in order."""
    yield from (Path(name) for name in _ROOT)
    for folder in _FOLDERS:
        for path in sorted((checkout / folder).rglob("*")):
            found = path.relative_to(checkout)
            if path.is_file() and not _is_left_out(found):
                yield found


def _is_left_out(path: Path) -> bool:
    text = path.as_posix()
    return any(part in _LEFT_OUT for part in path.parts) or any(
        text.startswith(f"{folder}/") for folder in (*_OTHER_CLOUD, *_NEVER_SERVED)
    )
