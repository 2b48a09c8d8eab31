"""The Bulk Data client against a small real HTTP server: kick-off, poll, download, resume."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from spark.imports.bulk_data import BulkExport, ExportFailed

PATIENTS = b'{"resourceType":"Patient","id":"a"}\n{"resourceType":"Patient","id":"b"}\n'


class _Server(ThreadingHTTPServer):
    """What the server was asked, and how it misbehaves next."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.polls_until_done = 2
        self.busy = 1
        self.cut_after: int | None = None
        self.count = 2
        self.tokens: list[str | None] = []
        self.status_url = f"{self.url}/status"
        self.file_url = f"{self.url}/file"
        self.manifest: bytes | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        pass

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_DELETE(self) -> None:
        self.server.asked.append(f"DELETE {self.path}")
        self._answer(202)

    def do_GET(self) -> None:
        ours = self.server
        ours.tokens.append(self.headers["Authorization"])
        ours.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
        if self.path.startswith("/fhir/$export"):
            assert self.headers["Prefer"] == "respond-async"
            if ours.busy:
                ours.busy -= 1
                self._answer(429, Retry_After="3")
                return
            self._answer(202, Content_Location=ours.status_url)
        elif self.path == "/status":
            ours.polls_until_done -= 1
            if ours.polls_until_done > 0:
                self._answer(202, Retry_After="7")
                return
            output = [{"type": "Patient", "url": ours.file_url, "count": ours.count}]
            told = json.dumps({"requiresAccessToken": True, "output": output}).encode()
            self._answer(200, told if ours.manifest is None else ours.manifest)
        elif self.path.startswith("/elsewhere/"):
            self._answer(302, Location=self.path.removeprefix("/elsewhere/"))
        else:
            self._file()

    def _file(self) -> None:
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = PATIENTS[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut, self.server.cut_after = self.server.cut_after, None
        self.wfile.write(body[:cut])


@contextmanager
def _serving() -> Iterator[_Server]:
    with _Server() as started:
        thread = threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield started
        started.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[_Server]:
    with _serving() as started:
        yield started


@pytest.fixture
def stranger() -> Iterator[_Server]:
    """Another server, which the first one names."""
    with _serving() as started:
        yield started


def _run(server: _Server, folder: Path, *trusted: str) -> None:
    list(BulkExport(f"{server.url}/fhir", folder, token="t0ken", trusted=trusted, wait=lambda _: None).run())


def test_waits_as_the_server_asks_downloads_and_lets_it_forget(server: _Server, tmp_path: Path) -> None:
    waited: list[float] = []
    (found,) = BulkExport(f"{server.url}/fhir", tmp_path, types="Patient", wait=waited.append).run()
    assert (found.type, found.lines, found.path.read_bytes()) == ("Patient", 2, PATIENTS)
    assert waited == [3.0, 7.0]
    assert server.asked[0] == "/fhir/$export?_type=Patient"
    assert server.asked[-1] == "DELETE /status"


def test_goes_on_with_the_next_byte_after_a_cut_download(server: _Server, tmp_path: Path) -> None:
    server.cut_after = 40
    with pytest.raises(ExportFailed, match="goes on"):
        list(BulkExport(f"{server.url}/fhir", tmp_path, wait=lambda _: None).run())
    (found,) = BulkExport(f"{server.url}/fhir", tmp_path, wait=lambda _: None).run()
    assert found.path.read_bytes() == PATIENTS
    assert [each for each in server.asked if each.startswith("/file")] == ["/file", "/file bytes=40-"]
    assert sum(each.startswith("/fhir") for each in server.asked) == 2  # one of them was told to wait


def test_a_whole_export_is_not_fetched_again(server: _Server, tmp_path: Path) -> None:
    list(BulkExport(f"{server.url}/fhir", tmp_path, wait=lambda _: None).run())
    asked = len(server.asked)
    (found,) = BulkExport(f"{server.url}/fhir", tmp_path, wait=lambda _: None).run()
    assert (found.lines, len(server.asked)) == (2, asked)


def test_a_file_that_is_not_what_the_manifest_says_is_refused(server: _Server, tmp_path: Path) -> None:
    server.count = 3
    with pytest.raises(ExportFailed, match="2 lines, the manifest says 3"):
        list(BulkExport(f"{server.url}/fhir", tmp_path, wait=lambda _: None).run())


def test_a_folder_of_another_server_is_left_alone(server: _Server, tmp_path: Path) -> None:
    list(BulkExport(f"{server.url}/fhir", tmp_path, wait=lambda _: None).run())
    with pytest.raises(ExportFailed, match="another server"):
        list(BulkExport(f"{server.url}/other", tmp_path).run())


def test_the_token_goes_to_the_server_that_was_named(server: _Server, tmp_path: Path) -> None:
    _run(server, tmp_path)
    assert set(server.tokens) == {"Bearer t0ken"}


@pytest.mark.parametrize("named", ["status_url", "file_url"])
def test_no_other_server_of_this_machine_is_asked(
    server: _Server, stranger: _Server, tmp_path: Path, named: str
) -> None:
    setattr(server, named, getattr(stranger, named))
    with pytest.raises(ExportFailed, match="another server that is not https"):
        _run(server, tmp_path)
    assert stranger.asked == []


@pytest.mark.parametrize(
    "inside",
    ["https://127.0.0.1:1/x", "https://localhost/x", "https://169.254.169.254/latest/meta-data", "https://10.0.0.4/x",
     "https://[::1]/x", "https://[::ffff:10.0.0.4]/x", "https://[fd00::1]/x", "https://224.0.0.1/x"],
)  # fmt: skip
@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:1"])
def test_no_private_address_is_asked(
    server: _Server, tmp_path: Path, inside: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    server.file_url = inside
    with pytest.raises(ExportFailed, match="inside a private network"):
        _run(server, tmp_path)


def test_no_redirect_is_followed(server: _Server, stranger: _Server, tmp_path: Path) -> None:
    server.file_url = f"{server.url}/elsewhere/{stranger.url}/secrets"
    with pytest.raises(ExportFailed, match="status 302"):
        _run(server, tmp_path)
    assert stranger.asked == []
    assert not list(tmp_path.glob("*.ndjson"))


def test_an_origin_that_is_trusted_gets_the_token_too(
    server: _Server, stranger: _Server, tmp_path: Path
) -> None:
    server.file_url = stranger.file_url
    _run(server, tmp_path, stranger.url)
    assert stranger.tokens == ["Bearer t0ken"]


@pytest.mark.parametrize(
    "address",
    ["http://r4.example.org/fhir", "ftp://127.0.0.1/fhir", "https://x@r4.example.org/fhir", "https://r4.example.org:x"],
)  # fmt: skip
def test_the_address_of_the_server_is_https_or_of_this_machine(tmp_path: Path, address: str) -> None:
    with pytest.raises(ValueError, match=r"address|asked by https"):
        BulkExport(address, tmp_path)


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b" " * (33 << 20), "larger than any manifest"),
        (b"[" * 100_000, "manifest"),
        (b'{"output":[{}]}', "manifest"),
    ],
    ids=["too large", "too deep", "without addresses"],
)
def test_what_is_no_manifest_is_refused(
    server: _Server, tmp_path: Path, manifest: bytes, reason: str
) -> None:
    server.manifest = manifest
    with pytest.raises(ExportFailed, match=reason):
        _run(server, tmp_path)
