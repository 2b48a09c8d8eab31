"""Which files of the checkout a function package holds: what its functions import, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NEVER_SERVED: Final = "shared/adapters/memory"
"""The reference adapters: tests and commands run on them."""
_LEFT_OUT: Final = ("__pycache__",)
LAMBDA_GROUPS: Final = ("http", "streams", "landing", "reactions", "schedules", "live")
"""Each a module of functions/aws, and a package of its own."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Single files, whole folders, and what of those is left out; paths in the checkout."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    without: tuple[str, ...]

    def paths(self, checkout: Path) -> Iterator[Path]:
        """Every file, below the checkout, in order."""
        yield from (Path(name) for name in self.files)
        for folder in self.folders:
            for path in sorted((checkout / folder).rglob("*")):
                found = path.relative_to(checkout)
                if path.is_file() and not self._is_left_out(found):
                    yield found

    def _is_left_out(self, path: Path) -> bool:
        text = path.as_posix()
        return any(part in _LEFT_OUT for part in path.parts) or any(
            text.startswith(f"{folder}/") for folder in self.without
        )


AZURE: Final = Contents(
    ("function_app.py", "host.json"),
    ("functions", "shared"),
    ("functions/aws", "shared/adapters/aws", _NEVER_SERVED),
)


def lambda_contents(group: str) -> Contents:
    """Of one group of functions on AWS: the API lies behind API Gateway alone."""
    own = ("__init__", "aws/__init__", "aws/batches", "aws/telling", f"aws/{group}", "needs")
    return Contents(
        tuple(f"functions/{name}.py" for name in own),
        ("functions/api", "shared") if group == "http" else ("shared",),
        ("shared/adapters/azure", "shared/adapters/databricks", _NEVER_SERVED),
    )
