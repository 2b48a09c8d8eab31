"""Builds the Azure package: the app, its locked dependencies for Linux, their bytecode, in a zip that is the same each time.

https://learn.microsoft.com/azure/azure-functions/functions-reference-python#custom-dependencies
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.exits import CommandStopped
from local.installer import pip_settings, uv_settings
from local.layout import CHECKOUT, lock_of
from local.packaging.contents import source_files

SITE: Final = Path(".python_packages/lib/site-packages")
"""Where the worker looks for dependencies that came with the package."""
PLATFORM: Final = "x86_64-manylinux_2_28"
_LONG_AGO: Final = (2000, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """A built package: the zip and the folder that it was made of."""

    zip: Path
    folder: Path


def build(into: Path, python: str, version: str) -> Package:
    """The package for a version of Python; `python` is an interpreter of that version, which writes the bytecode."""
    folder = into / "azure"
    shutil.rmtree(folder, ignore_errors=True)
    copy_sources(folder)
    _install(folder / SITE, version)
    # By hash and unchecked: in a zip every file is as old as the next, and nobody edits it.
    _run([python, "-m", "compileall", "-q", "-j", "2", "--invalidation-mode", "unchecked-hash", str(folder)])
    return Package(zip_folder(folder, into / "azure.zip"), folder)


def copy_sources(folder: Path) -> None:
    """Our own files into a new folder."""
    for path in source_files(CHECKOUT):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / path, folder / path)


def zip_folder(folder: Path, target: Path) -> Path:
    """A zip of every file, in order of name and with one date: the same files give the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as made:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _LONG_AGO)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, path.read_bytes())
    return target


def _install(site: Path, version: str) -> None:
    """The locked wheels for the platform; a package without a wheel for it is an error, not a build."""
    uv = Path(sys.prefix) / "bin" / "uv"
    environment = {**uv_settings(pip_settings(Path(sys.executable)), os.environ), **os.environ}
    command = [
        *(str(uv), "pip", "install", "--quiet", "--target", str(site), "--python-version", version),
        *("--python-platform", PLATFORM, "--only-binary", ":all:", "--require-hashes"),
        *("-r", str(lock_of("function"))),
    ]
    _run(command, environment)
    shutil.rmtree(site / "bin", ignore_errors=True)


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise CommandStopped(f"the package could not be built; {Path(command[0]).name} said last:\n{last}")
