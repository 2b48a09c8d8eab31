"""Where the training data comes from: an archive, or a folder or file that was unpacked from one; and its hash."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import exits

ARCHIVES = {
    "sepsis": "physionet2019-setb.tar.xz",
    "readmission": "uci-diabetes-readmission.tar.xz",
    "onset": "synthea-r4.tar.xz",
    "readmission-store": "synthea-r4.tar.xz",
}
_SYNTHEA = "Synthea R4 sample, simulated patients, Apache-2.0, https://github.com/smart-on-fhir/generated-sample-data"
LICENCES = {
    "sepsis": "PhysioNet/CinC Challenge 2019, hospital system B, CC BY 4.0, https://doi.org/10.13026/v64v-d857",
    "readmission": "UCI data set 296, CC BY 4.0, https://doi.org/10.24432/C5230J",
    "onset": _SYNTHEA,
    "readmission-store": _SYNTHEA,
}


def given_or_default(model: str, given: str | None) -> Path:
    """The data to train on. Raises CommandStopped where there is none."""
    folder = os.environ.get("GALEN_TEST_DATA")
    path = Path(given) if given else Path(folder) / ARCHIVES[model] if folder else None
    if path is None or not path.exists():
        raise exits.CommandStopped(
            f"there is no training data at {path or 'any known place'}: name {ARCHIVES[model]} or what was unpacked "
            "from it, or set GALEN_TEST_DATA to the folder it is in",
            exits.USAGE,
        )
    return path


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The folder or file itself, or a temporary folder with what is in the archive."""
    if path.is_dir() or not tarfile.is_tarfile(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def sha256_of(files: list[Path]) -> str:
    """One hash of the names and bytes of files, in order of their names: the same whether they were packed or not."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda each: each.name):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
