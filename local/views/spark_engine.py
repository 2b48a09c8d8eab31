"""The Spark engine of `local view`: a process of its own, so that nothing but rows reaches standard output."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from local.environment import say
from local.exits import USAGE, CommandStopped
from local.spark_environment import prepare
from local.views.reading import BadLines

_ENDINGS: Final = ("", ".gz", ".bz2")
_READ: Final = tuple(f"{lines}{packed}" for lines in (".ndjson", ".jsonl") for packed in _ENDINGS)
_LOG_LINES_SHOWN: Final = 15


def run(view: Path, paths: Sequence[str], bad: BadLines, on_row: Callable[[str], None]) -> None:
    """Hands each row to `on_row` as a line of JSON. Raises CommandStopped where the view or the run fails."""
    unread = [path for path in paths if not path.endswith(_READ) or not Path(path).is_file()]
    if unread:
        raise CommandStopped(
            f"--engine spark reads files that end with {', '.join(_READ)}: {unread[0]} does not", USAGE
        )
    runtime = prepare(say=say)
    command = [sys.executable, "-m", "spark.views.run", str(view.absolute()), *paths]
    error = ""
    with tempfile.TemporaryFile() as log, subprocess.Popen(
        command, env=runtime.variables(), stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8"
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("!"):
                    error = _heard(json.loads(line[1:]), bad) or error
                else:
                    on_row(line)
        except BaseException:
            process.terminate()
            raise
        code = process.wait()
        if error:
            raise CommandStopped(f"the resources show that the view is invalid: {error}", USAGE)
        if code:
            log.seek(0)
            end = "\n".join(log.read().decode("utf-8", "replace").splitlines()[-_LOG_LINES_SHOWN:])
            raise CommandStopped(f"Spark failed; its log ends with:\n{end}")


def _heard(told: dict[str, Any], bad: BadLines) -> str:
    """The view's error in a line about the run, "" for any other."""
    if told.get("engine") == "python":
        say(f"Spark's workers run this view by the Python engine, because of {told['why']}")
    if "bad" in told:
        bad.add(f"{told['file']}:{told['bad']}", "The line holds no FHIR resource in JSON.")
    return str(told.get("view_error", ""))
