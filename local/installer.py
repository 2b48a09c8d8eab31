"""Installs locked, hash-checked requirements into an environment: quickly with uv, else with pip.

uv does not read pip's settings (https://docs.astral.sh/uv/pip/compatibility/), so an index, mirror, certificate
or proxy that the environment gives to pip is handed to uv by its own variables.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.exits import CommandStopped
from local.layout import lock_of
from local.owned_child import owned_child

# Tens of thousands of generated modules, of which a run imports a few: compiling them all takes minutes.
_NOT_COMPILED = frozenset({"infra", "quality", "spark"})
_UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "no-index": "UV_NO_INDEX",
}


def packages_in(groups: Sequence[str]) -> int:
    """How many different packages the locks of `groups` pin."""
    pinned = re.compile(r"(?m)^([A-Za-z0-9._-]+)==")
    return len({name for group in groups for name in pinned.findall(lock_of(group).read_text("utf-8"))})


def install_with_uv(python: Path, groups: Sequence[str], *, reinstall: bool = False) -> bool:
    """Whether uv, which the environment of `python` holds, installed the locks of `groups`; it shows its progress."""
    command = [str(python.parent / "uv"), "pip", "install", "--python", str(python), "--require-hashes"]
    if reinstall:
        command.append("--reinstall")
    environment = {**uv_settings(pip_settings(python), os.environ), **os.environ}
    compiled = [group for group in groups if group not in _NOT_COMPILED]
    others = [group for group in groups if group in _NOT_COMPILED]
    return (not compiled or _run_uv([*command, "--compile-bytecode", *_files(compiled)], environment)) and (
        not others or _run_uv([*command, *_files(others)], environment)
    )


def _run_uv(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether it succeeded; its own progress bars on a terminal, plain lines elsewhere."""
    if sys.stderr.isatty():
        with owned_child(command, env=environment) as process:
            process.wait()
        return process.returncode == 0
    with owned_child(command, env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if not line.startswith((" +", " -", " ~", "Using Python")):
                print(f"  {line.strip()}", file=sys.stderr, flush=True)
    return process.returncode == 0


def install_with_pip(python: Path, groups: Sequence[str], *, count: int) -> None:
    """Installs the locks of `groups` with pip, one line of progress per package.

    Raises CommandStopped with what pip said last when it fails.
    """
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--progress-bar",
        "off",
        *_files(groups),
    ]
    said: list[str] = []
    seen = 0
    with owned_child(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip())
            if line.startswith("Collecting "):
                seen += 1
                print(f"  {seen}/{count} {line.split()[1]}", file=sys.stderr, flush=True)
    if process.returncode:
        last = "\n".join(said[-12:])
        raise CommandStopped(f"the locked packages could not be installed; pip said last:\n{last}")


def pip_settings(python: Path) -> dict[str, str]:
    """The settings pip takes from its files and the environment; the environment wins."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    found = re.findall(r"(?m)^(global|install|:env:)\.([a-z-]+)=(['\"])(.*)\3$", listed)
    order = ("global", "install", ":env:")
    return {name: value for _, name, _, value in sorted(found, key=lambda entry: order.index(entry[0]))}


def uv_settings(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that give uv what `settings` gave to pip."""
    variables: dict[str, str] = {}
    for name, variable in _UV_VARIABLES.items():
        values = settings.get(name, "").replace("\\n", " ").split()
        if name == "find-links":
            values = [value for value in values if "://" in value or Path(value).is_dir()]
        if values:
            variables[variable] = ",".join(values) if name == "find-links" else " ".join(values)
    if "UV_INDEX" in variables and "UV_INDEX_STRATEGY" not in environment:
        # pip takes the best of all indices; the hashes say that it is the right one.
        variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return variables


def _files(groups: Sequence[str]) -> list[str]:
    return [part for group in groups for part in ("-r", str(lock_of(group)))]
