"""JSON documents from files, folders and archives, one at a time, so that a large archive needs little memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from local.exits import USAGE, CommandStopped

ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".zip")
LINES: Final = (".ndjson", ".jsonl")
DOCUMENTS: Final = (*LINES, ".json")
KNOWN: Final = (*DOCUMENTS, *ARCHIVES)
READ_FAILURES: Final = (
    OSError,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    RuntimeError,  # a zip with a password, or packed in a way that Python does not know
)
"""What reading a damaged, protected or unreadable file raises."""
_UNPACKERS: Final[dict[str, Callable[[IO[bytes]], Any]]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
}


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON text: `name` says where a person finds it, `group` which NDJSON file it is a line of (empty: none)."""

    name: str
    body: bytes
    group: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """One file on disk or in an archive, open and unpacked until the next one is asked for.

    `name` is its own without the ending of a compression, `source` where a person finds it: `path` or `path!member`.
    """

    source: str
    name: str
    file: IO[bytes]

    @property
    def has_lines(self) -> bool:
        """Whether each line is a document."""
        return self.name.endswith(LINES)


class _Link(io.RawIOBase):
    """A member that points to another file: it is named, and nothing is read through it."""

    def readable(self) -> bool:
        """So that reading is what fails."""
        return True

    def readinto(self, _: object) -> int:
        """Raises OSError."""
        raise OSError("it is a link, and links in archives are not followed")


def documents(paths: Iterable[Path]) -> Iterator[Document]:
    """Every document below the paths, in order of name. Raises CommandStopped where a path holds none."""
    for path in paths:
        found = False
        try:
            for document in _of_path(path):
                found = True
                yield document
        except READ_FAILURES as failure:
            raise CommandStopped(f"{path} cannot be read: {reason_of(failure)}", USAGE) from failure
        if not found:
            raise CommandStopped(f"{path} holds nothing to send; known endings are {', '.join(KNOWN)}", USAGE)


def reason_of(failure: BaseException) -> str:
    """What went wrong with a file, without its name."""
    return failure.strerror if isinstance(failure, OSError) and failure.strerror else str(failure)


def files_below(folder: Path, endings: tuple[str, ...] = KNOWN) -> list[Path]:
    """The files of a folder that are known by their ending, in order of name."""
    return sorted(each for each in folder.rglob("*") if each.is_file() and is_known(each.name, endings))


def is_known(name: str, endings: tuple[str, ...] = KNOWN) -> bool:
    """Whether a name has one of the endings, or one of them and that of a compression."""
    return name.endswith(ARCHIVES) or _plain(name).endswith(endings)


def opened(
    path: Path,
    shown: str = "",
    *,
    endings: tuple[str, ...] = DOCUMENTS,
    open_file: Callable[[Path], IO[bytes]] = lambda path: path.open("rb"),
) -> Iterator[Opened]:
    """The file at `path`, or of an archive each member with one of the endings. Raises READ_FAILURES."""
    shown = shown or str(path)
    with open_file(path) as raw:
        if path.name.endswith(".zip"):
            yield from _of_zip(raw, shown, endings)
        elif path.name.endswith(ARCHIVES):
            yield from _of_tar(raw, shown, endings)
        else:
            yield Opened(shown, _plain(path.name), _unpacked(raw, path.name))


def _of_zip(raw: IO[bytes], shown: str, endings: tuple[str, ...]) -> Iterator[Opened]:
    with zipfile.ZipFile(raw) as archive:
        # By entry, not by name: of two of one name both are read.
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            name = entry.filename
            if _plain(name).endswith(endings):
                with archive.open(entry) as member:
                    yield Opened(f"{shown}!{name}", _plain(name), _unpacked(member, name))


def _of_tar(raw: IO[bytes], shown: str, endings: tuple[str, ...]) -> Iterator[Opened]:
    with tarfile.open(fileobj=raw) as archive:
        while (entry := archive.next()) is not None:
            source, name = f"{shown}!{entry.name}", _plain(entry.name)
            if name.endswith(endings) and (entry.issym() or entry.islnk()):
                yield Opened(source, name, io.BufferedReader(_Link()))
            elif name.endswith(endings) and (content := archive.extractfile(entry)) is not None:
                with content:
                    yield Opened(source, name, _unpacked(content, entry.name))
            # It remembers every member it has passed, a kilobyte each.
            archive.members.clear()  # type: ignore[attr-defined]


def _of_path(path: Path) -> Iterator[Document]:
    if path.is_dir():
        for file in files_below(path):
            yield from _of_path(file)
        return
    for each in opened(path):
        if not each.has_lines:
            yield Document(each.source, each.file.read())
            continue
        for number, line in enumerate(each.file, 1):
            if line.strip():
                yield Document(f"{each.source}:{number}", line.strip(), each.source)


def _unpacked(file: IO[bytes], name: str) -> IO[bytes]:
    unpack = next((unpack for ending, unpack in _UNPACKERS.items() if name.endswith(ending)), None)
    unpacked: IO[bytes] = unpack(file) if unpack else file
    return unpacked


def _plain(name: str) -> str:
    """The name without the ending of a compression."""
    return next((name.removesuffix(ending) for ending in _UNPACKERS if name.endswith(ending)), name)
