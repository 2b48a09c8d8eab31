"""Brings the source distributions of the SDKs: by the configured package index, against the hashes of the locks."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from pathlib import Path

from local.exits import CommandStopped
from local.sdk_tests.suites import Suite, requirement, version

_LIMIT_S = 300


def tests_of(suite: Suite, python: Path, folder: Path) -> Path:
    """Returns the folder of a package's tests; downloads and unpacks it once into `folder`."""
    unpacked = folder / f"{suite.package}-{version(suite.package)}"
    if not unpacked.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            archive = _download(suite.package, python, Path(scratch))
            inside = Path(scratch) / "inside"
            with tarfile.open(archive) as tar:
                tar.extractall(inside, filter="data")
            (root,) = inside.iterdir()
            root.rename(unpacked)
    tests = unpacked / suite.folder
    if not tests.is_dir():
        raise CommandStopped(
            f"the source distribution of {suite.package} {version(suite.package)} has no tests"
        )
    return tests


def _download(package: str, python: Path, folder: Path) -> Path:
    wanted = folder / "wanted.txt"
    wanted.write_text(requirement(package), "utf-8")
    command = [
        str(python),
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--require-hashes",
    ]
    done = subprocess.run(
        [*command, "--dest", str(folder), "--requirement", str(wanted)],
        capture_output=True, text=True, check=False, timeout=_LIMIT_S,
    )  # fmt: skip
    archives = list(folder.glob("*.tar.gz"))
    if done.returncode or not archives:
        said = "\n".join(done.stderr.splitlines()[-3:])
        raise CommandStopped(
            f"the source distribution of {package} could not be downloaded; pip said last:\n{said}"
        )
    return archives[0]
