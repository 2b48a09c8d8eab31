"""Which engines the conformance levels run on, and how."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_S

HERE = Path(__file__).parent
ENGINES = ["library", pytest.param("runtime", marks=pytest.mark.conformance)]


def interpreter_for(engine: str) -> str:
    """This interpreter, or the 3.13 one that has Microsoft's worker library."""
    if engine == "library":
        return sys.executable
    python = os.environ.get("GALEN_PYTHON313", "")
    if not python:
        pytest.skip("GALEN_PYTHON313 is not set: conformance with azure-functions-runtime was not tested")
    return python


def run_conformance(engine: str, task: str, folder: Path) -> Any:
    """What conformance.py prints in a process of its own."""
    command = [interpreter_for(engine), str(HERE / "conformance.py"), engine, task, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "SAMPLE_SEEN": os.devnull}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
