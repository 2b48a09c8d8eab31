"""JSON documents from files, folders and archives, one at a time, so that a large archive needs little memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from local.exits import USAGE, CommandStopped

_ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".zip")
_UNPACKERS: Final[dict[str, Callable[[IO[bytes]], Any]]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
}
_LINES: Final = (".ndjson", ".jsonl")
_DOCUMENTS: Final = (*_LINES, ".json")


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON text: `name` says where a person finds it, `group` which NDJSON file it is a line of (empty: none)."""

    name: str
    body: bytes
    group: str = ""


def documents(paths: Iterable[Path]) -> Iterator[Document]:
    """Every document below the paths, in order of name. Raises CommandStopped where a path holds none."""
    for path in paths:
        found = False
        try:
            for document in _of_path(path):
                found = True
                yield document
        except (OSError, EOFError, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile) as failure:
            reason = failure.strerror if isinstance(failure, OSError) and failure.strerror else str(failure)
            raise CommandStopped(f"{path} cannot be read: {reason}", USAGE) from failure
        if not found:
            endings = ", ".join((*_DOCUMENTS, *_ARCHIVES))
            raise CommandStopped(f"{path} holds nothing to send; known endings are {endings}", USAGE)


def _of_path(path: Path) -> Iterator[Document]:
    if path.is_dir():
        for file in sorted(each for each in path.rglob("*") if each.is_file() and _is_known(each.name)):
            yield from _of_path(file)
        return
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if _plain(name).endswith(_DOCUMENTS):
                    with archive.open(name) as member:
                        yield from _of_file(f"{path}!{name}", name, member)
    elif path.name.endswith(_ARCHIVES):
        with tarfile.open(path) as archive:
            for entry in archive:
                content = archive.extractfile(entry) if _plain(entry.name).endswith(_DOCUMENTS) else None
                if content is not None:
                    with content:
                        yield from _of_file(f"{path}!{entry.name}", entry.name, content)
    else:
        with path.open("rb") as opened:
            yield from _of_file(str(path), path.name, opened)


def _of_file(shown: str, name: str, file: IO[bytes]) -> Iterator[Document]:
    unpack = next((unpack for ending, unpack in _UNPACKERS.items() if name.endswith(ending)), None)
    plain = unpack(file) if unpack else file
    if _plain(name).endswith(_LINES):
        for number, line in enumerate(plain, 1):
            if line.strip():
                yield Document(f"{shown}:{number}", line.strip(), shown)
    else:
        yield Document(shown, plain.read())


def _is_known(name: str) -> bool:
    return name.endswith(_ARCHIVES) or _plain(name).endswith(_DOCUMENTS)


def _plain(name: str) -> str:
    """The name without the ending of a compression."""
    return next((name.removesuffix(ending) for ending in _UNPACKERS if name.endswith(ending)), name)
