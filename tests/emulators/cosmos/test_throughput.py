"""Throughput that is enforced: what an offer gives may be used, then 429 says when to come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.emulators.cosmos.application import TRANSPORT, Application
from local.emulators.cosmos.auth import WELL_KNOWN_KEY
from local.emulators.cosmos.offers import Offers
from local.emulators.cosmos.store import Store
from local.emulators.cosmos.throughput import Throughput

from .raw import signed

_LARGE = "x" * 20 * 1024
_SHARED = {"x-ms-offer-throughput": "400"}


class Account:
    """The application in this process, at a time that stands still until it is moved."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.now_s = 0.0
        throughput = Throughput(self.store, Offers(self.store), lambda: self.now_s)
        self.application = Application(self.store, WELL_KNOWN_KEY, throughput=throughput)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Sends a request that is signed for its address."""
        parts = path.split("/")
        kind, link = (parts[-1], "/".join(parts[:-1])) if len(parts) % 2 else (parts[-2], path)
        sent = signed(method, kind, link) | {"x-ms-documentdb-partitionkey": '["p"]'} | (headers or {})
        return asyncio.run(self._ask(method, path, json.dumps(body).encode(), sent))

    async def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        named = [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()]
        scope = {"type": "http", "method": method, "raw_path": f"/{path}".encode(), "headers": named}
        await self.application({**scope, "state": {TRANSPORT: None}}, receive, send)
        return httpx.Response(told[0]["status"], headers=told[0]["headers"], content=told[1]["body"])

    def container(self, name: str, headers: dict[str, str] | None = None) -> str:
        """Creates one and returns the path of its items."""
        definition = {"id": name, "partitionKey": {"paths": ["/pk"], "kind": "Hash", "version": 2}}
        assert self.ask("POST", "dbs/d/colls", definition, headers).status_code == 201
        return f"dbs/d/colls/{name}/docs"

    def fill(self, items: str, name: str = "i") -> tuple[float, httpx.Response]:
        """Creates large items until one is refused; returns the units used and the refusal."""
        units = 0.0
        for at in range(1000):
            answer = self.ask("POST", items, {"id": f"{name}{at}", "pk": "p", "v": _LARGE})
            if answer.status_code != 201:
                assert answer.status_code == 429
                return units, answer
            units += float(answer.headers["x-ms-request-charge"])
        raise AssertionError("nothing was refused")


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    made = Account(tmp_path)
    yield made
    made.store.close()


def test_a_second_s_units_may_be_used_then_the_answer_says_when_to_come_back(account: Account) -> None:
    assert account.ask("POST", "dbs", {"id": "d"}).status_code == 201
    items = account.container("c")
    units, refused = account.fill(items)
    assert 400 <= units < 420
    assert refused.headers["x-ms-substatus"] == "3200"
    wait_ms = int(refused.headers["x-ms-retry-after-ms"])
    assert wait_ms == int((units - 400) / 400 * 1000) + 1
    assert account.ask("GET", f"{items}/i0").status_code == 429
    assert account.ask("GET", "dbs/d/colls/c").status_code == 200
    assert account.ask("GET", "dbs/d/colls/c/pkranges").status_code == 200
    account.now_s += wait_ms / 1000
    assert account.ask("GET", f"{items}/i0").status_code == 200
    account.now_s += 60
    assert 400 <= account.fill(items, "later")[0] < 420, "no more than a second's units are saved up"


def test_containers_are_held_to_their_own_offer_else_to_their_database_s(account: Account) -> None:
    assert account.ask("POST", "dbs", {"id": "d"}, _SHARED).status_code == 201
    first, second = account.container("first"), account.container("second")
    own = account.container("own", {"x-ms-cosmos-offer-autopilot-settings": '{"maxThroughput": 1000}'})
    account.fill(first)
    assert account.ask("GET", f"{second}/none").status_code == 429
    assert 1000 <= account.fill(own)[0] < 1020


def test_a_changed_offer_is_in_force_at_once_and_refusals_cost_too(account: Account) -> None:
    assert account.ask("POST", "dbs", {"id": "d"}).status_code == 201
    items = account.container("c")
    _, refused = account.fill(items)
    account.now_s += (int(refused.headers["x-ms-retry-after-ms"]) + 20) / 1000
    answers = [account.ask("GET", f"{items}/none").status_code for _ in range(12)]
    assert answers == [404] * 9 + [429] * 3, "20 ms give 8 units, and what is left of one is enough to begin"
    (rid,) = account.store.offers
    content = {"offerThroughput": 800}
    changed = account.ask("PUT", f"offers/{rid}", {"content": content}, signed("PUT", "offers", rid.lower()))
    assert changed.status_code == 200
    assert 800 <= account.fill(items, "more")[0] < 820


def test_without_the_option_offers_are_only_kept(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.application = Application(account.store, WELL_KNOWN_KEY)
    account.ask("POST", "dbs", {"id": "d"})
    items = account.container("c")
    for at in range(100):
        assert account.ask("POST", items, {"id": str(at), "pk": "p", "v": _LARGE}).status_code == 201
    account.store.close()
