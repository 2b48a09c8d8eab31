"""A file system against a dictionary of paths: random puts, appends, renames, deletions, listings, deaths."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from typing import Any
from urllib.parse import quote

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from local.emulators.datalake import routes
from local.emulators.datalake.auth import WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY, SharedKey
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.events import Events
from local.emulators.datalake.lake import Lake
from local.emulators.datalake.leases import Leases
from local.emulators.datalake.names import parse_place
from local.emulators.datalake.request import FileSlice, Request, Response
from local.emulators.datalake.store import Store

_EXAMPLES = 1000 if os.environ.get("GALEN_TEST_EVERYTHING") else 30
_URL = f"http://127.0.0.1:1/{WELL_KNOWN_ACCOUNT}"
_FOLDERS = st.sampled_from(["a", "a/b", "c"])
_FILES = st.sampled_from(["x", "a/x", "a/b/x", "c/y"])
_BODIES = st.binary(max_size=20)


class LakeMachine(RuleBasedStateMachine):
    """The model is a dictionary: a path to its content, or to None for a directory."""

    @initialize()
    def make(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.start()
        assert self.ask("PUT", "/files", {"resource": "filesystem"})[0] == 201
        self.paths: dict[str, bytes | None] = {}

    def start(self) -> None:
        self.store = Store(self.folder)
        events = Events(WELL_KNOWN_ACCOUNT, _URL, [])
        key = SharedKey(WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY)
        self.lake = Lake(_URL, self.store, Leases(self.store.database), events, key)

    def ask(
        self, method: str, path: str, query: dict[str, str], body: bytes = b"", **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of a request, past the signature."""

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told["content-length"] = str(len(body))
        request = Request(method, path, query, told, {}, receive)
        request.is_dfs = routes.is_dfs(request)
        request.place = parse_place(path)
        try:
            response = asyncio.run(self.answer(request))
        except StorageError as error:
            return error.status, error.code.encode()
        self.etag = response.headers.get("ETag", "")
        content = response.body
        if isinstance(content, FileSlice):
            part = os.pread(content.descriptor, content.length, content.offset)
            os.close(content.descriptor)
            return response.status, part
        return response.status, content

    async def answer(self, request: Request) -> Response:
        return await routes.find(request).operation(self.lake, request)

    def parents(self, path: str) -> list[str]:
        parts = path.split("/")[:-1]
        return ["/".join(parts[: at + 1]) for at in range(len(parts))]

    def blocked(self, path: str) -> bool:
        """Whether a file stands where a directory is needed."""
        return any(
            self.paths.get(parent) is not None for parent in self.parents(path) if parent in self.paths
        )

    def enter(self, path: str, content: bytes | None) -> None:
        for parent in self.parents(path):
            self.paths.setdefault(parent, None)
        self.paths[path] = content

    @rule(path=_FILES, body=_BODIES, only_new=st.booleans())
    def put(self, path: str, body: bytes, only_new: bool) -> None:
        headers = {"x_ms_blob_type": "BlockBlob", **({"if_none_match": "*"} if only_new else {})}
        status, _ = self.ask("PUT", f"/files/{quote(path)}", {}, body, **headers)
        assert status == (409 if only_new and path in self.paths else 201)
        if status == 201:
            self.enter(path, body)

    @rule(path=_FILES, body=st.binary(min_size=1, max_size=20))
    def create_append_and_flush(self, path: str, body: bytes) -> None:
        assert self.ask("PUT", f"/files/{path}", {"resource": "file"})[0] == 201
        half = len(body) // 2
        for at, part in ((0, body[:half]), (half, body[half:])):
            if part:
                query = {"action": "append", "position": str(at)}
                assert self.ask("PATCH", f"/files/{path}", query, part)[0] == 202
        query = {"action": "flush", "position": str(len(body))}
        assert self.ask("PATCH", f"/files/{path}", query)[0] == 200
        self.enter(path, body)

    @rule(path=_FOLDERS)
    def create_directory(self, path: str) -> None:
        assert self.ask("PUT", f"/files/{path}", {"resource": "directory"})[0] == 201
        self.enter(path, None)

    @rule(source=_FOLDERS, to=st.sampled_from(["d", "c/d", "a/b/e"]))
    def rename(self, source: str, to: str) -> None:
        status, _ = self.ask("PUT", f"/files/{to}", {}, x_ms_rename_source=f"/files/{source}")
        parent = to.rpartition("/")[0]
        below = [path for path in self.paths if path.startswith(f"{to}/")]
        if source not in self.paths or (parent and parent not in self.paths):
            assert status == 404
        elif f"{to}/".startswith(f"{source}/"):
            assert status == 400
        elif below:
            assert status == 409
        else:
            assert status == 201
            moved = {path: self.paths.pop(path) for path in list(self.paths)
                     if path == source or path.startswith(f"{source}/")}  # fmt: skip
            self.paths |= {to + path[len(source) :]: content for path, content in moved.items()}

    @rule(path=st.one_of(_FOLDERS, _FILES, st.just("d")), recursive=st.booleans())
    def delete(self, path: str, recursive: bool) -> None:
        status, _ = self.ask("DELETE", f"/files/{path}", {"recursive": str(recursive).lower()})
        below = [each for each in self.paths if each.startswith(f"{path}/")]
        if path not in self.paths:
            assert status == 404
        elif below and not recursive:
            assert status == 409
        else:
            assert status == 200
            for each in [path, *below]:
                del self.paths[each]

    @rule(path=_FILES, body=_BODIES)
    def replace_by_tag(self, path: str, body: bytes) -> None:
        if self.paths.get(path) is None:
            return
        assert self.ask("HEAD", f"/files/{path}", {})[0] == 200
        right = self.etag
        for tag, expected in (('"0x0"', 412), (right, 201)):
            headers = {"x_ms_blob_type": "BlockBlob", "if_match": tag}
            assert self.ask("PUT", f"/files/{path}", {}, body, **headers)[0] == expected
        self.enter(path, body)

    @rule()
    def die_and_start_again(self) -> None:
        """The process ends without a word: the folder is free again, nothing was closed."""
        os.close(self.store._lock)
        self.start()

    @invariant()
    def listing_and_contents_are_those_of_the_model(self) -> None:
        if not hasattr(self, "paths"):
            return
        status, document = self.ask("GET", "/files", {"resource": "filesystem", "recursive": "true"})
        assert status == 200
        listed = {each["name"]: each.get("isDirectory") == "true" for each in json.loads(document)["paths"]}
        assert listed == {path: content is None for path, content in self.paths.items()}
        for path, content in self.paths.items():
            if content is not None:
                assert self.ask("GET", f"/files/{path}", {}) == (200, content)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)


TestLake = LakeMachine.TestCase
TestLake.settings = settings(max_examples=_EXAMPLES, stateful_step_count=20, deadline=None, derandomize=True)
