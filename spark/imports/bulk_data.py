"""A client of FHIR Bulk Data Access: kick-off, poll, download, and going on after an interruption.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html. What it downloads is NDJSON as it came: dropped into `landing`, it takes
the way of any other file. The state is one small file in the folder, written after each step: started again, the client
goes on with the export it began, and a half download with its next byte where the server knows ranges.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spark.imports.partner_http import AddressRefused, PartnerHttp

_STATE: Final = "export.json"
_CHUNK_BYTES: Final = 1 << 20
_DEFAULT_WAIT_S: Final = 2.0
_LONGEST_WAIT_S: Final = 120.0
_BUSY: Final = (429, 503)
_TRIES: Final = 5
_MOST_BYTES: Final = 32 << 20
"""Of an answer that is not a file: a manifest of 100,000 files."""


class ExportFailed(RuntimeError):
    """The server refused or failed; the sentence says at which step, with the status."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """One file of the export: its resource type, where it is, and its lines."""

    type: str
    path: Path
    lines: int


@dataclass(slots=True)
class _Answer:
    status: int
    headers: Any
    body: bytes


class BulkExport:
    """One export of one server into one folder. `wait` is called with seconds between polls.

    `trusted` are further origins that get the token and may have private addresses, as the server itself.
    """

    def __init__(
        self,
        base_url: str,
        folder: Path,
        *,
        level: str = "",
        token: str = "",
        since: str = "",
        types: str = "",
        trusted: Sequence[str] = (),
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._folder = folder
        self._level = f"/{level.strip('/')}" if level else ""
        self._http = PartnerHttp((base_url, *trusted), token)
        query = [f"_since={since}"] if since else []
        query += [f"_type={types}"] if types else []
        self._query = f"?{'&'.join(query)}" if query else ""
        self._wait = wait

    def run(self) -> Iterator[Downloaded]:
        """Each file when it is whole. Raises ExportFailed; run again, it goes on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        state = self._load()
        if "status_url" not in state:
            state = {"status_url": self._kick_off(), "base": self._base}
            self._save(state)
        if "manifest" not in state:
            state["manifest"] = self._poll(state["status_url"])
            self._save(state)
        manifest = state["manifest"]
        for number, output in enumerate(manifest["output"]):
            yield self._download(number, output, with_token=bool(manifest.get("requiresAccessToken")))
        if not state.get("ended"):
            # The server may forget its files now; that it cannot is no reason to fail.
            self._ask("DELETE", state["status_url"], {})
            self._save(state | {"ended": True})

    def _kick_off(self) -> str:
        answer = self._patiently("GET", f"{self._base}{self._level}/$export{self._query}", _KICK_OFF)
        location = answer.headers.get("Content-Location")
        if answer.status != 202 or not location:
            raise ExportFailed(f"the server did not begin an export: status {answer.status}")
        return str(location)

    def _poll(self, url: str) -> dict[str, Any]:
        while True:
            answer = self._patiently("GET", url, {"Accept": "application/json"})
            if answer.status == 200:
                return _manifest(answer.body)
            if answer.status != 202:
                (self._folder / _STATE).unlink()  # this export is lost: the next run begins another
                raise ExportFailed(f"the export failed on the server: status {answer.status}")
            self._wait(_pause(answer.headers))

    def _download(self, number: int, output: dict[str, Any], *, with_token: bool) -> Downloaded:
        type_ = "".join(letter for letter in str(output["type"]) if letter.isalnum())
        path = self._folder / f"{number:04d}-{type_}.ndjson"
        part = path.with_suffix(".part")
        if not path.exists():
            self._fetch(str(output["url"]), part, with_token=with_token)
            lines, wanted = _lines(part), output.get("count")
            if wanted is not None and lines != int(wanted):
                part.unlink()
                raise ExportFailed(f"file {number} has {lines} lines, the manifest says {wanted}")
            part.rename(path)
        return Downloaded(type_, path, _lines(path))

    def _fetch(self, url: str, part: Path, *, with_token: bool) -> None:
        have = part.stat().st_size if part.exists() else 0
        headers = {"Accept": "application/fhir+ndjson"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with self._open("GET", url, headers, with_token=with_token) as response:
            if response.status not in (200, 206, 416):
                raise ExportFailed(f"a file could not be downloaded: status {response.status}")
            if response.status == 416:  # nothing is after what we have
                return
            with part.open("ab" if response.status == 206 else "wb") as file:
                while chunk := response.read(_CHUNK_BYTES):
                    file.write(chunk)
            missing = response.length
        if missing:
            raise ExportFailed("a download was cut; run again, it goes on where it stopped")

    def _patiently(self, method: str, url: str, headers: dict[str, str]) -> _Answer:
        """The answer, after waiting as long as a busy server asks for, a few times."""
        for _ in range(_TRIES):
            answer = self._ask(method, url, headers)
            if answer.status not in _BUSY:
                return answer
            self._wait(_pause(answer.headers))
        raise ExportFailed(f"the server stayed busy: status {answer.status}")

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> _Answer:
        with self._open(method, url, headers, with_token=True) as response:
            body = response.read(_MOST_BYTES + 1)
            if len(body) > _MOST_BYTES:
                raise ExportFailed("the server's answer is larger than any manifest")
            return _Answer(response.status, response.headers, body)

    def _open(self, method: str, url: str, headers: dict[str, str], *, with_token: bool) -> Any:
        try:
            return self._http.open(method, url, headers, with_token=with_token)
        except AddressRefused as refused:
            raise ExportFailed(str(refused)) from None
        except (OSError, http.client.HTTPException):
            raise ExportFailed("the server cannot be reached; run again, it goes on") from None

    def _load(self) -> dict[str, Any]:
        path = self._folder / _STATE
        if not path.exists():
            return {}
        state: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if state.get("base") != self._base:
            raise ExportFailed("the folder holds an export of another server: name another folder")
        return state

    def _save(self, state: dict[str, Any]) -> None:
        beside = self._folder / f"{_STATE}.new"
        beside.write_text(json.dumps(state), "utf-8")
        beside.replace(self._folder / _STATE)


_KICK_OFF: Final = {"Accept": "application/fhir+json", "Prefer": "respond-async"}


def _manifest(body: bytes) -> dict[str, Any]:
    """What the server says of its files; raises ExportFailed where it is no manifest."""
    try:
        found = json.loads(body)
        named = all(isinstance(each["url"], str) and each["type"] for each in found["output"])
    except (ValueError, LookupError, TypeError, RecursionError):
        named = False
    if not named:
        raise ExportFailed("the server's manifest does not name type and address of each file")
    manifest: dict[str, Any] = found
    return manifest


def _pause(headers: Any) -> float:
    asked = str(headers.get("Retry-After") or "")
    return min(float(asked), _LONGEST_WAIT_S) if asked.isdigit() else _DEFAULT_WAIT_S


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())
