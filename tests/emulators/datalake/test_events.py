"""Blob events, as a webhook receives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from azure.storage.blob import BlobBlock

from tests.emulators.datalake.emulator import Emulator, Subscriber


def sent(subscriber: Subscriber, count: int) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in subscriber.wait_for(count)]


def test_sends_a_cloud_event_for_each_way_to_create(
    start_emulator: Callable[..., Emulator], subscribe: Callable[..., Subscriber]
) -> None:
    subscriber = subscribe()
    emulator = start_emulator("--event-grid", f"{subscriber.url};type=BlobCreated")
    container = emulator.blobs().create_container("landing")
    etag = container.upload_blob("t=a/é x.json", b"{}").get_blob_properties().etag
    blocks = container.get_blob_client("blocks")
    blocks.stage_block("a", b"AAA")
    blocks.commit_block_list([BlobBlock("a")])
    container.get_blob_client("copy").start_copy_from_url(blocks.url)
    emulator.lake().get_file_system_client("landing").get_file_client("dfs").upload_data(
        b"12345", overwrite=True
    )
    events = sent(subscriber, 5)
    by_api = {event["data"]["api"]: event for event in events}
    assert set(by_api) == {"PutBlob", "PutBlockList", "CopyBlob", "CreateFile", "FlushWithClose"}
    put = by_api["PutBlob"]
    assert (put["specversion"], put["type"]) == ("1.0", "Microsoft.Storage.BlobCreated")
    assert put["subject"] == "/blobServices/default/containers/landing/blobs/t=a/é x.json"
    assert put["data"]["url"] == f"{emulator.url}/landing/t%3Da/%C3%A9%20x.json"
    assert put["data"]["eTag"] == etag.strip('"')
    assert (put["data"]["contentLength"], put["data"]["blobType"]) == (2, "BlockBlob")
    assert by_api["FlushWithClose"]["data"]["contentLength"] == 5
    first = [
        by_api[api]["data"]["sequencer"] for api in ("PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose")
    ]
    assert first == sorted(first)
    method, headers, _ = subscriber.received[0]
    assert (method, headers["webhook-request-origin"]) == ("OPTIONS", "eventgrid.azure.net")
    _, headers, _ = subscriber.notifications()[0]
    assert headers["content-type"].startswith("application/cloudevents+json")


def test_sends_only_what_the_subscription_wants(
    start_emulator: Callable[..., Emulator], subscribe: Callable[..., Subscriber]
) -> None:
    subscriber = subscribe()
    emulator = start_emulator("--event-grid", f"{subscriber.url};container=landing;prefix=in/;suffix=.json")
    service = emulator.blobs()
    other, landing = service.create_container("other"), service.create_container("landing")
    for container, name in ((other, "in/a.json"), (landing, "out/a.json"), (landing, "in/a.csv")):
        container.upload_blob(name, b"")
    landing.upload_blob("in/b.json", b"")
    landing.delete_blob("in/b.json")
    events = sent(subscriber, 2)
    assert sorted(event["type"] for event in events) == [
        "Microsoft.Storage.BlobCreated",
        "Microsoft.Storage.BlobDeleted",
    ]
    assert {event["subject"].rpartition("/blobs/")[2] for event in events} == {"in/b.json"}


def test_repeats_what_the_subscriber_fails_to_take(
    start_emulator: Callable[..., Emulator], subscribe: Callable[..., Subscriber]
) -> None:
    subscriber = subscribe()
    subscriber.answers += [500, 503]
    emulator = start_emulator("--event-grid", subscriber.url)
    emulator.blobs().create_container("landing").upload_blob("a", b"")
    tries = subscriber.wait_for(3)
    assert len({json.loads(body)["id"] for _, _, body in tries}) == 1
    assert [headers["aeg-delivery-count"] for _, headers, _ in tries] == ["0", "1", "2"]


def test_falls_back_to_the_validation_event(
    start_emulator: Callable[..., Emulator], subscribe: Callable[..., Subscriber]
) -> None:
    subscriber = subscribe(knows_options=False)
    emulator = start_emulator("--event-grid", subscriber.url)
    emulator.blobs().create_container("landing").upload_blob("a", b"")
    subscriber.wait_for(1)
    asked = [headers.get("aeg-event-type") for _, headers, _ in subscriber.received]
    assert asked == [None, "SubscriptionValidation", "Notification"]


def test_raises_no_event_for_a_file_copied_into_the_tree(
    start_emulator: Callable[..., Emulator], subscribe: Callable[..., Subscriber]
) -> None:
    subscriber = subscribe()
    emulator = start_emulator("--event-grid", subscriber.url)
    container = emulator.blobs().create_container("landing")
    (emulator.data / "landing" / "copied").write_bytes(b"x")
    container.upload_blob("put", b"")
    assert [event["subject"].rpartition("/")[2] for event in sent(subscriber, 1)] == ["put"]
