"""The Bulk Data client against a small real HTTP server: kick-off, poll, download, resume."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
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
        ours.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
        if self.path.startswith("/fhir/$export"):
            assert self.headers["Prefer"] == "respond-async"
            if ours.busy:
                ours.busy -= 1
                self._answer(429, Retry_After="3")
                return
            self._answer(202, Content_Location=f"{ours.url}/status")
        elif self.path == "/status":
            ours.polls_until_done -= 1
            if ours.polls_until_done > 0:
                self._answer(202, Retry_After="7")
                return
            output = [{"type": "Patient", "url": f"{ours.url}/file", "count": ours.count}]
            self._answer(200, json.dumps({"requiresAccessToken": False, "output": output}).encode())
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


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as started:
        thread = threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield started
        started.shutdown()
        thread.join()


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
