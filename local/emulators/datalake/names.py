"""Container and path names: from a request's raw path to a place that can never leave the data folder."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from local.emulators.datalake.errors import StorageError

_CONTAINER = re.compile(r"\$(?:root|web|logs)|[a-z0-9](?:-?[a-z0-9])+")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_LONGEST_PATH = 1024


class Place(NamedTuple):
    """A container and a path in it; an empty path is the container itself, both empty the account."""

    container: str
    path: str

    @property
    def parent(self) -> Place:
        return Place(self.container, self.path.rpartition("/")[0])


ACCOUNT = Place("", "")


def is_container_name(name: str) -> bool:
    """Whether Azure would take this as a container's name: 3 to 63 of a-z, 0-9 and single hyphens."""
    return 3 <= len(name) <= 63 and _CONTAINER.fullmatch(name) is not None


def is_path(path: str) -> bool:
    """Whether every segment is a plain name: no `.`, `..`, empty segment, control character or backslash."""
    if len(path) > _LONGEST_PATH or _FORBIDDEN.search(path):
        return False
    return all(segment not in ("", ".", "..") for segment in path.split("/"))


def decode(raw: str) -> str:
    """Percent-decode once, as UTF-8; raises StorageError where it is not."""
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise StorageError("InvalidUri") from None


def parse_place(raw: str) -> Place:
    """The place named by `/container/path` as sent (percent-encoded); one trailing slash is ignored."""
    container, _, path = decode(raw.removeprefix("/")).partition("/")
    if not container:
        if path:
            raise StorageError("InvalidUri")
        return ACCOUNT
    if not is_container_name(container):
        raise StorageError("InvalidResourceName")
    if path.strip("/") == "":
        return Place(container, "")
    path = path.removesuffix("/")
    if not is_path(path):
        raise StorageError("InvalidUri", "The path is not a plain relative path.")
    return Place(container, path)
