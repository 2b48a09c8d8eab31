"""How long a fresh process takes to import `function_app`, and which packages take the time."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from local.layout import CHECKOUT

GOAL_S: Final = 0.6
_PROGRAM: Final = "import time; t = time.perf_counter(); import function_app; print(time.perf_counter() - t)"
_LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)")


@dataclass(frozen=True, slots=True)
class Imports:
    """Seconds of each run, and milliseconds of its own of each package, from one more run."""

    runs_s: list[float]
    packages_ms: dict[str, float]
    modules: int

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "median_s": round(statistics.median(self.runs_s), 3),
            "fastest_s": round(min(self.runs_s), 3),
            "slowest_s": round(max(self.runs_s), 3),
            "runs": len(self.runs_s),
            "goal_s": GOAL_S,
            "modules": self.modules,
            "packages_ms": self.packages_ms,
        }


def measure_imports(runs: int) -> Imports:
    """Runs after a first one that writes the bytecode and is not counted."""
    _python("-c", _PROGRAM)
    times = [float(_python("-c", _PROGRAM).stdout) for _ in range(runs)]
    text = _python("-X", "importtime", "-c", "import function_app").stderr
    own: Counter[str] = Counter()
    found = _LINE.findall(text)
    for microseconds, module in found:
        own[".".join(module.split(".")[:2]) if module.startswith("azure.") else module.partition(".")[0]] += (
            int(microseconds)
        )
    return Imports(times, {name: round(us / 1000, 1) for name, us in own.most_common(15)}, len(found))


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )
