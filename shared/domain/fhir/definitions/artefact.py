"""One file of many small compressed JSON chunks: found by name, unpacked one by one.

Layout: a line that names the content and its licence, the length of the index in eight bytes, the index, the chunks.
The index maps a group (`type`, `value-set`, …) to the names in it and where each chunk lies.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

_LENGTH: Final = 8
_LEVEL: Final = 9


class Artefact:
    """The chunks of one packed file; nothing is unpacked before it is asked for."""

    def __init__(self, packed: bytes) -> None:
        end_of_title = packed.index(b"\n") + 1
        self.title = packed[: end_of_title - 1].decode("utf-8")
        self._start = end_of_title + _LENGTH + int.from_bytes(packed[end_of_title : end_of_title + _LENGTH])
        self._packed = packed
        index = packed[end_of_title + _LENGTH : self._start]
        self._groups: dict[str, tuple[int, int]] = orjson.loads(zlib.decompress(index))
        self._indices: dict[str, dict[str, tuple[int, int]]] = {}

    def names(self, group: str) -> Mapping[str, tuple[int, int]]:
        """The names in a group; empty for a group that the file does not have."""
        names = self._indices.get(group)
        if names is None:
            place = self._groups.get(group)
            names = self._indices[group] = self._chunk(place) if place else {}
        return names

    def read(self, group: str, name: str) -> Any:
        """The JSON value stored under `name`; raises KeyError where there is none."""
        return self._chunk(self.names(group)[name])

    def chunks(self) -> Iterator[tuple[str, str, Any]]:
        """Every group, name and value of the file, for comparing two of them."""
        for group in self._groups:
            for name in self.names(group):
                yield group, name, self.read(group, name)

    def _chunk(self, place: tuple[int, int]) -> Any:
        start = self._start + place[0]
        return orjson.loads(zlib.decompress(self._packed[start : start + place[1]]))


def pack(title: str, groups: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The file for `groups`: group → name → JSON value. The same input gives the same bytes with the same zlib."""
    body = bytearray()

    def add(value: Any) -> tuple[int, int]:
        packed = zlib.compress(orjson.dumps(value), _LEVEL)
        body.extend(packed)
        return len(body) - len(packed), len(packed)

    places = {}
    for group in sorted(groups):
        members = groups[group]
        places[group] = add({name: add(members[name]) for name in sorted(members)})
    index = zlib.compress(orjson.dumps(places), _LEVEL)
    return title.encode("utf-8") + b"\n" + len(index).to_bytes(_LENGTH) + index + bytes(body)
