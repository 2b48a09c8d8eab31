"""Builds packages: the app, its locked dependencies for Linux, their bytecode, in a zip that is the same each time.

https://learn.microsoft.com/azure/azure-functions/functions-reference-python#custom-dependencies
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.exits import CommandStopped
from local.installer import pip_settings, uv_settings
from local.layout import CHECKOUT, lock_of
from local.packaging.contents import AZURE, LAMBDA_GROUPS, Contents, lambda_contents

SITE: Final = Path(".python_packages/lib/site-packages")
"""Where the worker of Azure looks for dependencies that came with the package; Lambda looks beside the handlers."""
PLATFORMS: Final = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
THIS_MACHINE: Final = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
SERVICES: Final = ("apigatewaymanagementapi", "dynamodb", "kinesis", "s3", "secretsmanager", "sts")
"""The services of AWS that the functions call: of the descriptions of all others the SDK brings 20 MB."""
_LONG_AGO: Final = (2000, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """A built package: the zip and the folder that it was made of."""

    zip: Path
    folder: Path


def build(into: Path, python: str, version: str) -> Package:
    """Azure's package for a version of Python; `python` is an interpreter of that version, which writes the bytecode."""
    folder = _new(into / "azure")
    copy_sources(folder)
    _install(folder / SITE, ("function",), version, "x86_64")
    return _packed(folder, into / "azure.zip", python)


def build_lambda(into: Path, python: str, version: str, architecture: str) -> dict[str, Package]:
    """The packages for Lambda by group; what they have in common is installed once."""
    beside = _new(into / "aws" / "_common")
    _install(beside, ("lambda",), version, architecture)
    _keep_services(beside)
    packages = {}
    for group in LAMBDA_GROUPS:
        folder = _new(into / "aws" / group)
        shutil.copytree(beside, folder)
        if group == "http":
            _install(folder, ("lambda-http",), version, architecture)
        copy_sources(folder, lambda_contents(group))
        packages[group] = _packed(folder, into / "aws" / f"{group}.zip", python)
    shutil.rmtree(beside)
    return packages


def _new(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _packed(folder: Path, target: Path, python: str) -> Package:
    # By hash and unchecked: in a zip every file is as old as the next, and nobody edits it.
    _run([python, "-m", "compileall", "-q", "-j", "2", "--invalidation-mode", "unchecked-hash", str(folder)])
    return Package(zip_folder(folder, target), folder)


def _keep_services(site: Path) -> None:
    """Leaves out what the SDK knows of services that nobody here calls."""
    for path in (site / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)
    for needless in ("boto3/examples", "boto3/data"):
        shutil.rmtree(site / needless, ignore_errors=True)


def copy_sources(folder: Path, contents: Contents = AZURE) -> None:
    """Our own files into a folder."""
    for path in contents.paths(CHECKOUT):
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


def _install(site: Path, groups: Sequence[str], version: str, architecture: str) -> None:
    """The locked wheels for the platform; a package without a wheel for it is an error, not a build."""
    uv = Path(sys.prefix) / "bin" / "uv"
    environment = {**uv_settings(pip_settings(Path(sys.executable)), os.environ), **os.environ}
    locks = [part for group in groups for part in ("-r", str(lock_of(group)))]
    command = [
        *(str(uv), "pip", "install", "--quiet", "--target", str(site), "--python-version", version),
        *("--python-platform", PLATFORMS[architecture], "--only-binary", ":all:", "--require-hashes"),
        *locks,
    ]
    _run(command, environment)
    shutil.rmtree(site / "bin", ignore_errors=True)


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise CommandStopped(f"the package could not be built; {Path(command[0]).name} said last:\n{last}")
