"""HL7's definition files as resources, from the folder or the archive they were published in.

https://hl7.org/fhir/R4/downloads.html, "FHIR Definitions" in JSON
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from local.exits import CommandStopped

FILES: Final = (
    "profiles-types",
    "profiles-resources",
    "profiles-others",
    "valuesets",
    "v3-codesystems",
    "v2-tables",
    "extension-definitions",
)


def read_definitions(source: Path) -> dict[str, list[dict[str, Any]]]:
    """File name without `.json` → the resources of its Bundle, for each of `FILES`."""
    wanted = {f"{name}.json": name for name in FILES}
    found = {
        wanted[name]: [entry["resource"] for entry in orjson.loads(content)["entry"]]
        for name, content in _files(source)
        if name in wanted
    }
    missing = [name for name in FILES if name not in found]
    if missing:
        raise CommandStopped(f"{source} lacks {', '.join(missing)}: give HL7's R4 definitions in JSON")
    return found


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    if source.is_dir():
        for path in sorted(source.glob("*.json")):
            yield path.name, path.read_bytes()
        return
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    yield Path(member.name).name, content.read()
    except (OSError, tarfile.TarError) as failure:
        raise CommandStopped(f"{source} is neither a folder nor a readable archive: {failure}") from None
