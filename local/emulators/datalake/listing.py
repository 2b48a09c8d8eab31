"""Walking the tree in the order of full names, a page at a time."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator
from dataclasses import dataclass

from local.emulators.datalake import traits
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.names import Place, is_path
from local.emulators.datalake.store import Entry, Store

LARGEST_PAGE = 5000


@dataclass(slots=True)
class Page:
    """Entries in order; `prefixes` are the names among them that stand for all below (with a delimiter)."""

    entries: list[Entry]
    prefixes: set[str]
    marker: str | None


def page(
    store: Store,
    container: str,
    *,
    prefix: str,
    recursive: bool,
    folded: bool,
    after: str,
    limit: int,
    start_from: str = "",
) -> Page:
    """Up to `limit` names that start with `prefix`, come after `after` and not before `start_from`.

    `folded` gives a directory only as the prefix of what is below it, as a listing with a delimiter does.
    """
    base, _, start = prefix.rpartition("/")
    found: list[tuple[str, Place, os.stat_result]] = []
    if not base or is_path(base):
        root = store.locate(Place(container, base))
        for name, path in _walk(root, f"{base}/" if base else "", start, recursive, folded, after):
            if name < start_from:
                continue
            try:
                stat = os.lstat(path)
            except FileNotFoundError:  # deleted from outside meanwhile
                continue
            found.append((name, Place(container, name.removesuffix("/")), stat))
            if len(found) > limit:
                break
    more = len(found) > limit
    found = found[:limit]
    attributes = store.rows.read_many((place, stat) for _, place, stat in found)
    entries = [
        Entry(place, stat, row)
        for (_, place, stat), row in zip(found, attributes, strict=True)
        if not (row.traits and traits.is_expired(row))
    ]
    prefixes = {name for name, _, _ in found if name.endswith("/")}
    return Page(entries, prefixes, encode_marker(found[-1][0]) if more else None)


def encode_marker(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode("utf-8")).decode("ascii")


def decode_marker(marker: str | None) -> str:
    """The name a page ended with; empty for the first page."""
    try:
        return base64.urlsafe_b64decode((marker or "").encode("ascii")).decode("utf-8")
    except (binascii.Error, UnicodeError):
        raise StorageError("OutOfRangeQueryParameterValue", "The marker is not one of ours.") from None


def page_size(asked: int | None) -> int:
    if asked == 0:
        raise StorageError("OutOfRangeQueryParameterValue")
    return min(asked or LARGEST_PAGE, LARGEST_PAGE)


def _walk(
    folder: str, prefix: str, start: str, recursive: bool, folded: bool, after: str
) -> Iterator[tuple[str, str]]:
    """(name, path) in order of names; a directory's own name ends with a slash only where it is folded."""
    for name, path, descend in _names(folder, prefix, start, recursive, folded):
        if descend:
            if name > after or after.startswith(name):
                yield from _walk(path, name, "", recursive, folded, after)
        elif name > after:
            yield name, path


def _names(
    folder: str, prefix: str, start: str, recursive: bool, folded: bool
) -> list[tuple[str, str, bool]]:
    """One directory's (name, path, whether to go below), sorted.

    A directory sorts as its own name and, with a slash, as all that is below it: `a`, `a-b`, `a/c`.
    """
    names: list[tuple[str, str, bool]] = []
    try:
        with os.scandir(folder) as children:
            for child in children:
                if not child.name.startswith(start) or not _is_text(child.name):
                    continue
                name = prefix + child.name
                if child.is_dir(follow_symlinks=False):
                    if folded and not recursive:
                        names.append((name + "/", child.path, False))
                        continue
                    names.append((name, child.path, False))
                    if recursive:
                        names.append((name + "/", child.path, True))
                elif child.is_file(follow_symlinks=False):
                    names.append((name, child.path, False))
    except (FileNotFoundError, NotADirectoryError):
        return []
    names.sort()
    return names


def _is_text(name: str) -> bool:
    """Names that are no valid path here (not UTF-8, control characters) could not be asked for either."""
    return (name.isascii() and name.isprintable() and "\\" not in name) or _is_unicode_path(name)


def _is_unicode_path(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return is_path(name)
