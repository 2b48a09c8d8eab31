"""What a built package weighs, how long its parts take to import, and what its cloud finds in its zip."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Final

from local.exits import CommandStopped
from local.layout import CHECKOUT
from local.packaging.build import SITE

_ADAPTERS: Final = "shared.adapters.azure.records, shared.adapters.azure.lake"
GROUPS: Final = {
    "indexing (function_app)": "import function_app",
    "http": f"import function_app, functions.api.app, shared.bootstrap, {_ADAPTERS}",
    "streams": f"import function_app, shared.bootstrap, {_ADAPTERS}, shared.adapters.azure.streams",
    "landing": f"import function_app, shared.bootstrap, {_ADAPTERS}",
    "reactions": f"import function_app, shared.bootstrap, {_ADAPTERS}",
    "schedules": f"import function_app, shared.bootstrap, {_ADAPTERS}, shared.adapters.azure.streams",
}
"""What the first invocation of each group of functions imports."""
_AWS: Final = (
    "shared.bootstrap, shared.adapters.aws.records, shared.adapters.aws.lake, shared.adapters.aws.streams"
)
LAMBDA_IMPORTS: Final = {
    "http": f"import functions.aws.http, functions.api.app, mangum, {_AWS}",
    **{
        group: f"import functions.aws.{group}, {_AWS}"
        for group in ("streams", "landing", "reactions", "schedules", "live")
    },
}
"""The same for each package of Lambda."""
_TIMED: Final = """
import sys, time
sys.path[:0] = sys.argv[1:3]
began = time.perf_counter()
{imports}
print(time.perf_counter() - began)
"""
_INDEXED: Final = """
import asyncio, json, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:4]
sys.path.append(sys.argv[4])
from local.host.engine import choose_engine
engine = choose_engine(sys.argv[1])
found = asyncio.run(engine.index(Path(sys.argv[2])))
import functions
assert functions.__file__.startswith(sys.argv[2]), functions.__file__
print(json.dumps({"engine": engine.name, "functions": sorted(each.name for each in found)}))
getattr(engine, "close", lambda: None)()
"""


def weights(folder: Path) -> Counter[str]:
    """Bytes of each part: our own by folder, dependencies by package."""
    found: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file():
            parts = path.relative_to(folder).parts
            inside = path.relative_to(folder / SITE).parts if path.is_relative_to(folder / SITE) else ()
            found[f"{inside[0]}/" if len(inside) > 1 else parts[0]] += path.stat().st_size
    return found


def import_seconds(folder: Path, imports: str, python: str, runs: int) -> float:
    """The median of fresh processes that import this from a package's folder."""
    program = _TIMED.format(imports=imports)
    times = [float(_said([python, "-I", "-c", program, *_places(folder)])) for _ in range(runs + 1)]
    return statistics.median(times[1:])  # the first one reads the files into memory


def index_zip(package: Path, python: str, engine: str) -> dict[str, object]:
    """The engine's name and the functions that it finds in the zip, unpacked as the worker has it."""
    with tempfile.TemporaryDirectory() as scratch:
        # The resolved path: the one that modules say they come from.
        unpacked = Path(scratch).resolve()
        with zipfile.ZipFile(package) as zipped:
            zipped.extractall(unpacked)
        command = [python, "-c", _INDEXED, engine, *_places(unpacked), str(CHECKOUT)]
        found: dict[str, object] = json.loads(_said(command, cwd=scratch).splitlines()[-1])
        return found


def _places(folder: Path) -> tuple[str, str]:
    return str(folder), str(folder / SITE)


def _said(command: list[str], cwd: str | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-6:])
        raise CommandStopped(f"the package does not work; Python said last:\n{last}")
    return done.stdout
