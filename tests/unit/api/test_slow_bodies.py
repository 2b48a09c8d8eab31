"""A body that does not come holds memory for so long, and so many of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from functions.api.app import HELD_BODIES, LARGE_BODY_BYTES
from functions.api.body import Patience
from shared.domain.fhir import json
from tests.unit.api.world import Client, World, patient

BODY = json.encode(patient()).encode()
LONG = Patience(idle_s=600, whole_s=600)
JSON = {"Content-Type": "application/fhir+json"}


class Sender:
    """A body of which the rest comes when told to; `asked` is set once somebody reads it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.asked.set()
        yield BODY[:10]
        await self.go_on.wait()
        yield BODY[10:]


@pytest.mark.parametrize("patience", [Patience(idle_s=0.05, whole_s=600), Patience(idle_s=600, whole_s=0.05)])
def test_a_body_that_does_not_come_is_answered_and_its_connection_closed(
    world: World, patience: Patience
) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield BODY
        await asyncio.Event().wait()

    answer = Client(world, patience=patience)("POST", "/fhir/Patient", content=stalled(), headers=JSON)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (408, "timeout")
    assert answer.headers["connection"] == "close"


def test_a_body_that_takes_its_time_is_taken(world: World) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for byte in BODY:
            await asyncio.sleep(0)
            yield bytes([byte])

    answer = Client(world, patience=LONG)("POST", "/fhir/Patient", content=slow(), headers=JSON)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "declared", [{}, {"Content-Length": str(LARGE_BODY_BYTES + 1)}], ids=["undeclared", "large"]
)
def test_so_many_large_bodies_are_in_memory_and_the_next_waits_unread(
    world: World, declared: dict[str, str]
) -> None:
    client = Client(world, patience=LONG)

    async def run() -> None:
        senders = [Sender() for _ in range(HELD_BODIES + 1)]
        tasks = [
            asyncio.create_task(client.send("POST", "/fhir/Patient", content=each, headers=JSON | declared))
            for each in senders
        ]
        for sender in senders[:-1]:
            await sender.asked.wait()
        # A small one passes meanwhile.
        assert (await client.send("POST", "/fhir/Patient", fhir=BODY)).status_code == 201
        assert not senders[-1].asked.is_set()
        senders[0].go_on.set()
        await senders[-1].asked.wait()
        for sender in senders:
            sender.go_on.set()
        assert {task.status_code for task in await asyncio.gather(*tasks)} == {201}

    asyncio.run(run())


def test_a_large_body_for_which_no_place_becomes_free_is_asked_to_come_again(world: World) -> None:
    client = Client(world, patience=Patience(idle_s=600, whole_s=600, place_s=0.05))

    async def run() -> None:
        senders = [Sender() for _ in range(HELD_BODIES)]
        tasks = [
            asyncio.create_task(client.send("POST", "/fhir/Patient", content=each, headers=JSON))
            for each in senders
        ]
        for sender in senders:
            await sender.asked.wait()
        answer = await client.send("POST", "/fhir/Patient", content=Sender(), headers=JSON)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        for sender in senders:
            sender.go_on.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())
