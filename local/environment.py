"""A virtual environment that holds exactly what the locks say, made and kept with the standard library alone.

Its state lives in `<venv>/.galen`: `python` (the version it is for), one stamp per installed group (the hash of
its lock), `installing` while an installation runs, and `lock`, which lets one process install at a time.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from local.exits import CommandStopped
from local.installer import install_with_pip, install_with_uv, packages_in
from local.layout import lock_of
from local.owned_child import owned_child

INSTALLER = "installer"
_PYTHON = "python"
_INSTALLING = "installing"


def say(line: str) -> None:
    """Prints one line of progress on standard error; a terminal that was closed keeps nobody from cleaning up."""
    with suppress(OSError):
        print(f"galen: {line}", file=sys.stderr, flush=True)


def fingerprint(group: str) -> str:
    """The hash of a group's lock, which is also the text of its stamp."""
    lock = lock_of(group)
    if not lock.exists():
        raise CommandStopped(f"{lock} is missing: `python3 -m local lock` writes it")
    return hashlib.sha256(lock.read_bytes()).hexdigest()


class Environment:
    """One virtual environment for one version of Python."""

    def __init__(self, folder: Path, interpreter: str, version: str) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self._interpreter = interpreter
        self._version = version
        self._state = folder / ".galen"

    def is_foreign(self) -> bool:
        """Whether the folder is in use for something else: another version of Python, or not ours at all."""
        owner = self._read(_PYTHON)
        if owner:
            return owner != self._version
        return self.folder.exists() and any(entry.name != ".galen" for entry in self.folder.iterdir())

    def missing(self, groups: Sequence[str]) -> list[str]:
        """The groups that are not installed as their locks stand now, or are being installed."""
        if not self.python.exists():
            return list(groups)
        under_way = self._read(_INSTALLING).split()
        return [group for group in groups if group in under_way or self._read(group) != fingerprint(group)]

    def ensure(self, groups: Sequence[str]) -> None:
        """Installs what is missing of `groups`.

        Safe when several processes do it at once, and after one that was killed in the middle.
        Raises CommandStopped with what to do when it cannot.
        """
        if not self.missing(groups):
            return
        with self._one_at_a_time():
            if self.is_foreign():
                raise CommandStopped(
                    f"{self.folder} was just taken by another version of Python: run this again"
                )
            self._write(_PYTHON, self._version)
            self._make_sound()
            wanted = self.missing(groups)
            if wanted:
                self._install(wanted)

    def _make_sound(self) -> None:
        """Creates the environment, or repairs what an interrupted installation left."""
        interrupted = [group for group in self._read(_INSTALLING).split() if lock_of(group).exists()]
        if not self.python.exists() or not self._read(INSTALLER):
            self._create()
        elif interrupted:
            say("an installation was interrupted: repairing it")
            if install_with_uv(self.python, interrupted, reinstall=True):
                self._installed(interrupted)
            else:
                self._create()

    def _install(self, groups: list[str]) -> None:
        started = time.monotonic()
        count = packages_in(groups)
        say(f"installing {count} locked packages ({', '.join(groups)}) for Python {self._version}")
        self._write(_INSTALLING, " ".join(groups))
        if not install_with_uv(self.python, groups):
            say("uv could not install them here: trying pip, which takes longer")
            install_with_pip(self.python, groups, count=count)
        self._installed(groups)
        say(f"{count} packages ready after {time.monotonic() - started:.1f} s")

    def _create(self) -> None:
        say(f"making {self.folder} for Python {self._version}")
        self._empty()
        (self.folder / ".gitignore").write_text("*\n", "utf-8")
        command = [self._interpreter, "-m", "venv", str(self.folder)]
        with owned_child(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as made:
            said = made.communicate()[0]
        if made.returncode:
            raise CommandStopped(
                f"{self._interpreter} cannot make a virtual environment. On Debian or Ubuntu its module comes with "
                f"`apt install python{self._version}-venv`; then run this again. It said:\n"
                f"{said.strip()}"
            )
        install_with_pip(self.python, [INSTALLER], count=packages_in([INSTALLER]))
        self._installed([INSTALLER])

    def _empty(self) -> None:
        for entry in self.folder.iterdir():
            if entry == self._state:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for entry in self._state.iterdir():
            if entry.name not in (_PYTHON, "lock"):
                entry.unlink()

    def _installed(self, groups: Sequence[str]) -> None:
        for group in groups:
            self._write(group, fingerprint(group))
        (self._state / _INSTALLING).unlink(missing_ok=True)

    def _read(self, name: str) -> str:
        try:
            return (self._state / name).read_text("utf-8")
        except FileNotFoundError:
            return ""

    def _write(self, name: str, text: str) -> None:
        partial = self._state / f"{name}.partial"
        partial.write_text(text, "utf-8")
        partial.replace(self._state / name)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        self._state.mkdir(parents=True, exist_ok=True)
        with (self._state / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                what = ", ".join(self._read(_INSTALLING).split()) or "packages"
                say(f"another process is installing {what}: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
