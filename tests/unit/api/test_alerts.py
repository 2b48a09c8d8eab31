"""Long poll, server-sent events, acknowledgement, scores."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from tests.unit.api.world import Client, World, observation, patient


def test_answers_what_is_there_at_once(world: World, client: Client) -> None:
    world.raised += [{"id": "1"}, {"id": "2"}]
    answer = client("GET", "/alerts?wait=20").json()
    assert answer == {"alerts": [{"id": "1"}, {"id": "2"}], "cursor": "2"}
    assert client("GET", "/alerts?since=2").json() == {"alerts": [], "cursor": "2"}


def test_a_waiting_client_hears_of_an_alert_as_it_is_raised(world: World, client: Client) -> None:
    async def wait() -> Any:
        waiting = asyncio.create_task(client.send("GET", "/alerts?since=0&wait=20"))
        await asyncio.sleep(0)
        assert not waiting.done()
        world.raised.append({"id": "1"})
        return (await asyncio.wait_for(waiting, PATIENCE_S)).json()

    assert asyncio.run(wait())["alerts"] == [{"id": "1"}]


def test_many_waiting_clients_hold_no_thread(world: World, client: Client) -> None:
    async def wait() -> None:
        waiting = [asyncio.create_task(client.send("GET", "/alerts?since=0&wait=20")) for _ in range(100)]
        answer = await asyncio.wait_for(client.send("GET", "/fhir/Patient"), PATIENCE_S)
        assert answer.status_code == 200
        world.raised.append({"id": "1"})
        await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE_S)

    asyncio.run(wait())


def test_a_hundred_waiting_clients_ask_no_more_often_than_one(world: World, client: Client) -> None:
    looks: list[str | None] = []
    since = world.alerts.since

    def counted(tenant: str, cursor: str | None, limit: int) -> Any:
        looks.append(cursor)
        return since(tenant, cursor, limit)

    world.alerts.since = counted  # type: ignore[method-assign]

    async def wait() -> None:
        waiting = [asyncio.create_task(client.send("GET", "/alerts?since=0&wait=20")) for _ in range(100)]
        while len(looks) < 400:
            before = len(looks)
            await asyncio.sleep(0.1)
            if len(looks) - before <= 12:
                break
        assert len(looks) < 400, "every client looks for itself at every tick"
        world.raised.append({"id": "1"})
        answers = await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE_S)
        assert all(answer.json()["alerts"] == [{"id": "1"}] for answer in answers)

    asyncio.run(wait())


def test_who_comes_while_others_wait_and_after_them_hears_all(world: World, client: Client) -> None:
    async def wait() -> None:
        first = asyncio.create_task(client.send("GET", "/alerts?since=0&wait=20"))
        second = asyncio.create_task(client.send("GET", "/alerts?since=0&wait=0"))
        assert (await second).json()["alerts"] == []
        world.raised.append({"id": "1"})
        assert (await asyncio.wait_for(first, PATIENCE_S)).json()["alerts"] == [{"id": "1"}]
        third = asyncio.create_task(client.send("GET", "/alerts?since=1&wait=20"))
        await asyncio.sleep(0)
        world.raised.append({"id": "2"})
        assert (await asyncio.wait_for(third, PATIENCE_S)).json()["alerts"] == [{"id": "2"}]

    asyncio.run(wait())


@pytest.mark.parametrize(
    "query", ["wait=-1", "wait=1e9", "wait=soon", "wait=99999", "since=1&since=2", "other=1"]
)
def test_refuses_a_wait_that_is_none(client: Client, query: str) -> None:
    assert client("GET", f"/alerts?{query}").status_code == 400


def test_a_stream_answers_what_is_pending_and_ends_where_the_host_cannot_stream(
    world: World, client: Client
) -> None:
    world.raised += [{"id": "1"}, {"id": "2"}]
    answer = client("GET", "/alerts/stream", headers={"Accept": "text/event-stream"})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (
        answer.text
        == 'retry: 1000\n\nevent: alert\ndata: {"id":"1"}\n\nid: 2\nevent: alert\ndata: {"id":"2"}\n\n'
    )
    resumed = client("GET", "/alerts/stream", headers={"Last-Event-ID": "2"})
    assert resumed.text == "retry: 1000\n\n"


def test_a_stream_goes_on_where_the_server_can(world: World) -> None:
    client = Client(world, streaming=True)
    world.raised.append({"id": "1"})
    seen: list[str] = []

    async def listen() -> None:
        enough = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await enough.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            seen.append(message.get("body", b"").decode())
            if len(world.raised) == 1:
                world.raised.append({"id": "2"})
            if '"2"' in seen[-1]:
                enough.set()

        headers = [(b"authorization", client.headers["Authorization"].encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/alerts/stream",
            "query_string": b"",
            "headers": headers,
        }
        await asyncio.wait_for(
            client.app({**scope, "scheme": "http", "server": ("x", 80)}, receive, send), 10
        )

    asyncio.run(listen())
    text = "".join(seen)
    assert text.index('id: 1\nevent: alert\ndata: {"id":"1"}') < text.index(
        'id: 2\nevent: alert\ndata: {"id":"2"}'
    )


def test_acknowledges_an_alert(world: World, client: Client) -> None:
    world.raised.append({"id": "a1"})
    assert client("POST", "/alerts/a1/acknowledge").json()["acknowledged_by"] == "gateway"
    assert client("POST", "/alerts/a2/acknowledge").status_code == 404
    assert client("POST", "/alerts/a_2/acknowledge").status_code == 404
    assert client("GET", "/alerts/a1/acknowledge").status_code == 405


def test_scores_a_patient_on_request(client: Client) -> None:
    client("PUT", "/fhir/Patient/p", fhir=patient(id="p", birthDate="1950-01-01"))
    assert client("POST", "/fhir/Patient/p/$risk").status_code == 422
    pulse = {"value": 140, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}
    client("POST", "/fhir/Observation", fhir=observation("p", at="2026-03-29T01:00:00Z", valueQuantity=pulse))
    answer = client("POST", "/fhir/Patient/p/$risk?model=news2")
    assert answer.status_code == 200
    assert answer.json()["subject"] == {"reference": "Patient/p"}
    assert client("POST", "/fhir/Patient/p/$risk?model=other").status_code == 400
    assert client("POST", "/fhir/Patient/nobody/$risk").status_code == 404
    assert client("POST", "/fhir/Patient/p/$risk?model=a%20b").status_code == 400
    assert client("POST", "/fhir/Patient/p_/$risk").status_code == 400
