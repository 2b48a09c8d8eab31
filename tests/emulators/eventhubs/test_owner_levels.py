"""Owner levels: who has the higher one, or the same one later, takes the partition."""

from __future__ import annotations

from tests.emulators.eventhubs.clients import Emulator, receive, receiving

STOLEN = "amqp:link:stolen"


def test_a_higher_owner_level_takes_the_partition(emulator: Emulator, hub: str) -> None:
    emulator.send(hub, "a", partition_id="0")
    with receiving(emulator.consumer(hub), partition_id="0", owner_level=1) as first:
        first.wait_for_events(1)
        with receiving(emulator.consumer(hub), partition_id="0", owner_level=2) as second:
            second.wait_for_events(1)
            assert STOLEN in str(first.wait_for_error())
            emulator.send(hub, "b", partition_id="0")
            assert second.wait_for_events(2)
    assert first.bodies == ["a"]


def test_a_lower_owner_level_is_refused(emulator: Emulator, hub: str) -> None:
    emulator.send(hub, "a", partition_id="0")
    with receiving(emulator.consumer(hub), partition_id="0", owner_level=5) as owner:
        owner.wait_for_events(1)
        with receiving(emulator.consumer(hub), partition_id="0", owner_level=4) as lower:
            assert STOLEN in str(lower.wait_for_error())
        with receiving(emulator.consumer(hub), partition_id="0") as without:
            assert STOLEN in str(without.wait_for_error())
        emulator.send(hub, "b", partition_id="0")
        owner.wait_for_events(2)


def test_an_owner_level_holds_for_one_partition_and_group_only(emulator: Emulator, hub: str) -> None:
    emulator.send(hub, "a", partition_id="0")
    emulator.send(hub, "b", partition_id="1")
    with receiving(emulator.consumer(hub), partition_id="0", owner_level=9) as owner:
        owner.wait_for_events(1)
        assert receive(emulator.consumer(hub, "scoring"), 1, partition_id="0").bodies == ["a"]
        assert receive(emulator.consumer(hub), 1, partition_id="1").bodies == ["b"]


def test_a_level_is_free_again_when_its_owner_leaves(emulator: Emulator, hub: str) -> None:
    emulator.send(hub, "a", partition_id="0")
    receive(emulator.consumer(hub), 1, partition_id="0", owner_level=9)
    assert receive(emulator.consumer(hub), 1, partition_id="0").bodies == ["a"]


def test_refuses_a_sixth_reader_of_a_partition(emulator: Emulator, hub: str) -> None:
    clients = [emulator.consumer(hub) for _ in range(5)]
    emulator.send(hub, "x", partition_id="0")
    contexts = [receiving(client, partition_id="0") for client in clients]
    for received in [context.__enter__() for context in contexts]:
        received.wait_for_events(1)
    with receiving(emulator.consumer(hub), partition_id="0") as sixth:
        assert "at most 5 receivers" in str(sixth.wait_for_error())
    for context in contexts:
        context.__exit__(None, None, None)
