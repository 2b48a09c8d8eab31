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

from local.exits import FINDING, USAGE, CommandStopped

ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".zip")
LINES: Final = (".ndjson", ".jsonl")
DOCUMENTS: Final = (*LINES, ".json")
KNOWN: Final = (*DOCUMENTS, *ARCHIVES)
KNOWN_ENDINGS: Final = (
    f"known endings are {', '.join(DOCUMENTS)}, packed (.gz, .xz, .bz2) or not, and {', '.join(ARCHIVES)}"
)
ONE_DOCUMENT: Final = "one resource a line is expected, and this looks like one document: name it .json"
MAX_TEXT_BYTES: Final = 64_000_000
"""The largest document that a door takes; a longer one is named and not read, whatever it is packed into."""
TOO_LONG: Final = f"longer than {MAX_TEXT_BYTES:,} bytes, which no door takes: split it"
_OPENINGS: Final = (b"{", b"[", b"[{")
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
    line: int = 0

    @property
    def file(self) -> str:
        """The file it is in, without its line."""
        return self.group or self.name


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


class LinkInArchive(OSError):
    """A member of an archive points to another file."""


_SENTENCES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (LinkInArchive, "it is a link, and links in archives are not followed"),
    (gzip.BadGzipFile, "it is not gzip, or it is damaged"),
    (EOFError, "it is cut: what is packed ends too early"),
    (zipfile.BadZipFile, "it is not a zip, or it is damaged"),
    (tarfile.TarError, "it is not a tar, or it is cut or damaged"),
    (lzma.LZMAError, "it is not xz, or it is damaged"),
    (NotImplementedError, "it is packed in a way that is not known here"),
    (RuntimeError, "it is packed with a password"),
    (Exception, "it is damaged"),
)


class _Link(io.RawIOBase):
    """A member that points to another file: it is named, and nothing is read through it."""

    def readable(self) -> bool:
        """So that reading is what fails."""
        return True

    def readinto(self, _: object) -> int:
        """Raises LinkInArchive."""
        raise LinkInArchive


def _stop(file: str, why: str) -> None:
    raise CommandStopped(f"{file} cannot be read: {why}", USAGE)


def documents(paths: Iterable[Path], skip: Callable[[str, str], None] = _stop) -> Iterator[Document]:
    """Every document below the paths, in order of name.

    `skip` hears, with the reason, of each file that cannot be read to its end and each path that holds nothing beside
    others that do. Raises CommandStopped where all paths together hold nothing to read.
    """
    empty: list[tuple[Path, str, int]] = []
    found = False
    for path in paths:
        holds = False

        def skip_one(file: str, why: str) -> None:
            nonlocal holds
            holds = True
            skip(file, why)

        for document in _of_path(path, skip_one):
            holds = True
            yield document
        if holds:
            found = True
        elif path.is_file() and is_known(path.name, LINES):
            empty.append((path, "is empty: there is nothing to send", FINDING))
        else:
            empty.append((path, f"holds nothing to send: {KNOWN_ENDINGS}", USAGE))
    for path, why, exit_code in empty:
        if not found:
            raise CommandStopped(f"{path} {why}", exit_code)
        skip(str(path), f"it {why}")


def reason_of(failure: BaseException) -> str:
    """What went wrong with a file: never its name, and no byte of it, which Python's own sentences show."""
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    return next(said for kind, said in _SENTENCES if isinstance(failure, kind))


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


def begins_a_document(line: bytes) -> bool:
    """Whether the first line of a file is that of JSON laid out over many lines."""
    return line.strip().removeprefix(b"\xef\xbb\xbf") in _OPENINGS


def read_within(file: IO[bytes], limit: int) -> bytes | None:
    """All of the file, None where it is longer than `limit` bytes."""
    body = file.read(limit + 1)
    return body if len(body) <= limit else None


def lines_within(file: IO[bytes], limit: int) -> Iterator[bytes | None]:
    """Each line of the file, None for one that is longer than `limit` bytes."""
    while line := file.readline(limit + 1):
        if len(line) > limit and not line.endswith(b"\n"):
            _skip_line(file)
            yield None
        else:
            yield line


def _skip_line(file: IO[bytes]) -> None:
    while (rest := file.readline(1 << 20)) and not rest.endswith(b"\n"):
        pass


def _of_path(path: Path, skip: Callable[[str, str], None]) -> Iterator[Document]:
    if path.is_dir():
        for file in files_below(path):
            yield from _of_path(file, skip)
        return
    try:
        for each in opened(path):
            yield from _of_file(each, skip)
    except READ_FAILURES as failure:
        skip(str(path), reason_of(failure))


def _of_file(each: Opened, skip: Callable[[str, str], None]) -> Iterator[Document]:
    number = 0
    try:
        if not each.has_lines:
            body = read_within(each.file, MAX_TEXT_BYTES)
            if body is None:
                skip(each.source, TOO_LONG)
            else:
                yield Document(each.source, body)
            return
        for number, line in enumerate(lines_within(each.file, MAX_TEXT_BYTES), 1):
            if line is None:
                skip(f"{each.source}:{number}", TOO_LONG)
                continue
            if number == 1 and begins_a_document(line):
                skip(each.source, ONE_DOCUMENT)
                return
            if line.strip():
                yield Document(f"{each.source}:{number}", line.strip(), each.source, number)
    except READ_FAILURES as failure:
        after = f", after line {number}" if number else ""
        skip(each.source, f"{reason_of(failure)}{after}")


def _unpacked(file: IO[bytes], name: str) -> IO[bytes]:
    unpack = next((unpack for ending, unpack in _UNPACKERS.items() if name.endswith(ending)), None)
    unpacked: IO[bytes] = unpack(file) if unpack else file
    return unpacked


def _plain(name: str) -> str:
    """The name without the ending of a compression."""
    return next((name.removesuffix(ending) for ending in _UNPACKERS if name.endswith(ending)), name)
