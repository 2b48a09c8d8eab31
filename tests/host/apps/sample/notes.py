"""What functions saw, one JSON line each."""

import json
import os
from pathlib import Path


def note(kind: str, **fields: object) -> None:
    """One JSON line for the test to read; a single append, so lines of several threads do not mix."""
    with Path(os.environ["SAMPLE_SEEN"]).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"kind": kind, **fields}, sort_keys=True, default=str) + "\n")
