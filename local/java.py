"""Finds the Java 17 that Spark 4 runs on; where it is missing, everything but the Spark jobs works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

WHAT_TO_DO = "install a Java 17 runtime (Debian and Ubuntu: `apt install openjdk-17-jre-headless`) or set JAVA_HOME to one"
_USUAL_PLACES = (
    "/usr/lib/jvm/*17*",
    "/opt/*jdk*17*",
    "/Library/Java/JavaVirtualMachines/*17*/Contents/Home",
    "/opt/homebrew/opt/openjdk@17",
)


@cache
def find_java() -> Path | None:
    """The home of a Java 17, or None: JAVA_HOME first, then `java` on the path, then the usual places."""
    for home in _candidates():
        if major_version(home) == 17:
            return home
    return None


def major_version(home: Path) -> int | None:
    """The major version of the Java in `home`; None where there is none that starts."""
    try:
        release = (home / "release").read_text("utf-8")
    except OSError:
        release = ""
    written = re.search(r'(?m)^JAVA_VERSION="(\d+)', release)
    if written and (home / "bin" / "java").exists():
        return int(written[1])
    try:
        said = subprocess.run(
            [str(home / "bin" / "java"), "-version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    stated = re.search(r'version "(\d+)', said.stderr)
    return int(stated[1]) if stated else None


def _candidates() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    for pattern in _USUAL_PLACES:
        yield from sorted(Path("/").glob(pattern.lstrip("/")))
