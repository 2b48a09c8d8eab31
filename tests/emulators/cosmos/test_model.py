"""A container against a dictionary: random writes with conditions, batches, deaths; queries and the feed tell the same."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from local.emulators.cosmos.application import Application
from local.emulators.cosmos.auth import WELL_KNOWN_KEY
from local.emulators.cosmos.store import Store

_EXAMPLES = 1000 if os.environ.get("GALEN_TEST_EVERYTHING") else 40
_DOCS = ["dbs", "d", "colls", "c", "docs"]
_IDS, _KEYS = st.sampled_from(["a", "b", "c"]), st.sampled_from(["p", "q"])
_TAGS = st.sampled_from(["none", "right", "wrong"])


class ContainerMachine(RuleBasedStateMachine):
    """The model is what was acknowledged: key and id to the number in the item, and its tag."""

    @initialize()
    def make(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.start()
        self.ask("POST", ["dbs"], {"id": "d"})
        definition = {"paths": ["/pk"], "kind": "Hash", "version": 2}
        self.ask("POST", ["dbs", "d", "colls"], {"id": "c", "partitionKey": definition})
        self.items: dict[tuple[str, str], tuple[int, str]] = {}
        # In the order of their last writing: what the change feed tells.
        self.changed: list[tuple[str, str]] = []

    def start(self) -> None:
        self.store = Store(self.folder)
        self.app = Application(self.store, WELL_KNOWN_KEY)

    def ask(
        self, method: str, path: list[str], body: Any = None, key: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and body of a request, past the signature."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            told["x-ms-documentdb-partitionkey"] = json.dumps([key])
        self.app._authorise = lambda *_: None  # type: ignore[method-assign]
        answer = self.app._answer(
            method, "/" + "/".join(path), told, json.dumps(body).encode() if body else b""
        )
        self.headers = answer.headers
        return answer.status, json.loads(answer.body) if answer.body else None

    def tag(self, place: tuple[str, str], tag: str) -> dict[str, str]:
        if tag == "none" or place not in self.items:
            return {}
        return {"if_match": self.items[place][1] if tag == "right" else '"another"'}

    def written(self, place: tuple[str, str], number: int) -> None:
        self.items[place] = (number, self.headers["etag"])
        self.changed = [each for each in self.changed if each != place] + [place]

    @rule(item=_IDS, key=_KEYS, number=st.integers(0, 3))
    def create(self, item: str, key: str, number: int) -> None:
        status, _ = self.ask("POST", _DOCS, {"id": item, "pk": key, "n": number}, key)
        assert status == (409 if (key, item) in self.items else 201)
        if status == 201:
            self.written((key, item), number)

    @rule(item=_IDS, key=_KEYS, number=st.integers(0, 3), tag=_TAGS)
    def replace(self, item: str, key: str, number: int, tag: str) -> None:
        place, condition = (key, item), self.tag((key, item), tag)
        body = {"id": item, "pk": key, "n": number}
        status, _ = self.ask("PUT", [*_DOCS, item], body, key, **condition)
        assert status == (404 if place not in self.items else 412 if "another" in str(condition) else 200)
        if status == 200:
            self.written(place, number)

    @rule(item=_IDS, key=_KEYS, by=st.integers(1, 3))
    def patch(self, item: str, key: str, by: int) -> None:
        body = {"operations": [{"op": "incr", "path": "/n", "value": by}]}
        status, found = self.ask("PATCH", [*_DOCS, item], body, key)
        assert status == (200 if (key, item) in self.items else 404)
        if status == 200:
            assert found["n"] == self.items[key, item][0] + by
            self.written((key, item), found["n"])

    @rule(item=_IDS, key=_KEYS, tag=_TAGS)
    def delete(self, item: str, key: str, tag: str) -> None:
        place, condition = (key, item), self.tag((key, item), tag)
        status, _ = self.ask("DELETE", [*_DOCS, item], None, key, **condition)
        assert status == (404 if place not in self.items else 412 if "another" in str(condition) else 204)
        if status == 204:
            del self.items[place]
            self.changed.remove(place)

    @rule(key=_KEYS, items=st.lists(_IDS, min_size=1, max_size=3), number=st.integers(0, 3))
    def batch_of_creations(self, key: str, items: list[str], number: int) -> None:
        """All of it or nothing."""
        operations = [
            {"operationType": "Create", "resourceBody": {"id": each, "pk": key, "n": number}}
            for each in items
        ]
        status, results = self.ask("POST", _DOCS, operations, key, x_ms_cosmos_is_batch_request="true")
        free = len(set(items)) == len(items) and not any((key, each) in self.items for each in items)
        assert status == (200 if free else 207)
        for each, result in zip(items, results, strict=True) if free else ():
            self.headers = {"etag": result["eTag"]}
            self.written((key, each), number)

    @rule()
    def die_and_start_again(self) -> None:
        """The process ends without a word: the folder is free again, nothing was closed."""
        os.close(self.store._lock)
        self.start()

    @rule(least=st.integers(0, 3))
    def query(self, least: int) -> None:
        parameters = [{"name": "@n", "value": least}]
        body = {"query": "SELECT VALUE c.id FROM c WHERE c.n >= @n ORDER BY c.id", "parameters": parameters}
        told = dict.fromkeys(
            ("x_ms_documentdb_isquery", "x_ms_documentdb_query_enablecrosspartition"), "true"
        )
        status, page = self.ask("POST", _DOCS, body, None, **told)
        assert status == 200
        assert page["Documents"] == sorted(item for (_, item), (n, _) in self.items.items() if n >= least)

    @invariant()
    def every_item_and_the_feed_are_what_was_acknowledged(self) -> None:
        if not hasattr(self, "items"):
            return
        for (key, item), (number, etag) in self.items.items():
            status, found = self.ask("GET", [*_DOCS, item], None, key)
            assert (status, found["n"], found["_etag"]) == (200, number, etag)
        status, page = self.ask("GET", _DOCS, None, None, a_im="Incremental feed", x_ms_max_item_count="100")
        told = [(each["pk"], each["id"]) for each in page["Documents"]] if status == 200 else []
        assert sorted(told) == sorted(self.changed)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)


TestContainer = ContainerMachine.TestCase
TestContainer.settings = settings(
    max_examples=_EXAMPLES, stateful_step_count=20, deadline=None, derandomize=True
)
