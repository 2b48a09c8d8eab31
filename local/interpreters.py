"""Finds an interpreter of a given version on this machine, pyenv's and uv's included."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


def find_python(version: str) -> str | None:
    """The path of a Python of that version that can make virtual environments, or None."""
    return next((path for path in _candidates(version) if _is(path, version)), None)


def _is(path: str, version: str) -> bool:
    try:
        said = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and said.stdout.strip() == version


def _candidates(version: str) -> Iterator[str]:
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        yield sys.executable
    name = f"python{version}"
    on_path = shutil.which(name)
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    for folder, pattern in (
        (pyenv / "versions", f"{version}*/bin/{name}"),
        (uv, f"cpython-{version}*/bin/{name}"),
    ):
        yield from (str(path) for path in sorted(folder.glob(pattern), reverse=True))
    yield from (place for place in (f"/usr/local/bin/{name}", f"/usr/bin/{name}") if place != on_path)
