"""What a user does to a platform, and what befalls it: parts die, the supervisor dies, it is told to end."""

from __future__ import annotations

import json
import os
import random
import threading
import time
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.e2e.doors import CLINICAL_EVENTS, Api, drop, send
from tests.e2e.manifest import Manifest
from tests.e2e.patients import Bundle, bundles
from tests.e2e.platform import Platform, eventually, is_alive, running_platform
from tests.e2e.senders import publish

SETTLED_S = 22.0
"""One sweep, and the age at which an intent counts as left behind."""
RESTART_S = 30.0
ENTRIES = 300
CONDITIONAL_ENTRIES = 60
CONDITIONAL_POSTS = 2
KILLED_POSTS = int(os.environ.get("GALEN_KILLED_POSTS", "8"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    # A connection that a kill broke is left to the collector by the SDK.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that these tests may kill parts of."""
    with running_platform(tmp_path_factory.mktemp("torn") / "data") as platform:
        yield platform


def _patient(tag: str, number: int) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"{tag}-{number}",
        "identifier": [{"system": f"urn:e2e:{tag}", "value": str(number)}],
    }


def _found(api: Api, tag: str) -> int:
    """How many are found; -1 while the platform does not answer."""
    try:
        return api.total("Patient", identifier=f"urn:e2e:{tag}|")
    except (httpx.TransportError, AssertionError):
        return -1


@pytest.mark.parametrize("victim", ["ingest", "reactions", "http", "eventhubs", "datalake", "cosmos"])
def test_a_restart_of_any_part_mid_stream_loses_nothing(torn: Platform, victim: str) -> None:
    tag = uuid.uuid4().hex
    manifest = Manifest(torn.url, torn.token(), "")
    events = [json.dumps(_patient(tag, number)).encode() for number in range(200)]
    killer = threading.Timer(0.4, torn.kill, (victim,))
    killer.start()
    for start in range(0, len(events), 10):
        publish(torn, manifest, CLINICAL_EVENTS, events[start : start + 10], key=str(start))
        time.sleep(0.05)
    killer.join()
    with Api(torn.url, manifest.token) as api:
        eventually(lambda: _found(api, tag) == len(events), "every event is recorded", RESTART_S, 0.3)
        assert _found(api, tag) == len(events)


def test_a_transaction_whose_worker_or_store_is_killed_is_all_or_nothing(torn: Platform) -> None:
    chance = random.Random(11)
    with Api(torn.url, torn.token(), timeout_s=20) as api:
        answered: dict[str, tuple[str, int]] = {}
        for number in range(KILLED_POSTS):
            tag, victim = uuid.uuid4().hex, ("http", "cosmos")[number % 2]
            eventually(lambda: _is_healthy(api), "the platform is healthy", RESTART_S)
            killer = threading.Timer(chance.uniform(0.02, 1.2), torn.kill, (victim,))
            killer.start()
            answered[tag] = victim, _post(api, _transaction(tag))
            killer.join()
        eventually(lambda: _is_healthy(api), "the platform is healthy", RESTART_S)
        time.sleep(SETTLED_S)
        outcomes = [(victim, status, _found(api, tag)) for tag, (victim, status) in answered.items()]
    print(outcomes)
    assert all(count in (0, ENTRIES) for _, _, count in outcomes), outcomes
    assert all(count == ENTRIES for _, status, count in outcomes if status == 200), outcomes


def _transaction(tag: str) -> dict[str, Any]:
    """Half creates, half updates under the client's ids, each of a home of its own."""
    entries = []
    for number in range(ENTRIES):
        whole = _patient(tag[:20], number)
        resource: dict[str, Any] = {k: v for k, v in whole.items() if k != "id" or number % 2}
        resource["identifier"] = [{"system": f"urn:e2e:{tag}", "value": str(number)}]
        url = f"Patient/{resource['id']}" if number % 2 else "Patient"
        request = {"method": "PUT" if number % 2 else "POST", "url": url}
        entries.append({"resource": resource, "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _post(api: Api, bundle: dict[str, Any]) -> int:
    try:
        return api.post_fhir("/fhir", bundle).status_code
    except httpx.TransportError:
        return 0


def _is_healthy(api: Api) -> bool:
    try:
        return api.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def test_a_conditional_transaction_sent_again_after_a_kill_is_not_doubled(torn: Platform) -> None:
    chance = random.Random(5)
    tags = [uuid.uuid4().hex for _ in range(CONDITIONAL_POSTS)]
    with Api(torn.url, torn.token(), timeout_s=20) as api:
        for number, tag in enumerate(tags):
            eventually(lambda: _is_healthy(api), "the platform is healthy", RESTART_S)
            killer = threading.Timer(chance.uniform(0.1, 1.0), torn.kill, (("cosmos", "http")[number % 2],))
            killer.start()
            eventually(partial(_acknowledged, api, _conditional_transaction(tag)), "an answer", 60, 0.1)
            killer.join()
        eventually(lambda: _is_healthy(api), "the platform is healthy", RESTART_S)
        time.sleep(SETTLED_S)
        assert [_found(api, tag) for tag in tags] == [CONDITIONAL_ENTRIES] * len(tags)


def _acknowledged(api: Api, bundle: dict[str, Any]) -> bool:
    return _post(api, bundle) == 200


def _conditional_transaction(tag: str) -> dict[str, Any]:
    entries = []
    for number in range(CONDITIONAL_ENTRIES):
        resource = {name: value for name, value in _patient(tag, number).items() if name != "id"}
        condition = f"identifier=urn:e2e:{tag}|{number}"
        request = {"method": "POST", "url": "Patient", "ifNoneExist": condition}
        entries.append({"resource": resource, "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def test_a_start_after_the_supervisor_was_killed_recovers_without_being_asked(torn: Platform) -> None:
    tag, left = uuid.uuid4().hex, torn.pids()
    send(torn, CLINICAL_EVENTS, [json.dumps(_patient(tag, number)).encode() for number in range(50)])
    drop(
        torn,
        f"{tag}.ndjson",
        b"\n".join(json.dumps(_patient(tag, number)).encode() for number in range(50, 90)),
    )
    torn.kill_supervisor()
    torn.start()
    assert [pid for pid in left if is_alive(pid)] == []
    with Api(torn.url, torn.token()) as api:
        eventually(lambda: _found(api, tag) == 90, "what was sent before is recorded", 60)
        send(torn, CLINICAL_EVENTS, [json.dumps(_patient(tag, 100)).encode()])
        eventually(lambda: _found(api, tag) == 91, "what is sent after is recorded")


def test_a_real_transaction_after_all_that_is_answered(torn: Platform) -> None:
    bundle: Bundle = next(bundles(1))
    with Api(torn.url, torn.token()) as api:
        answer = api.post_fhir("/fhir", bundle)
        assert answer.status_code == 200, answer.text[:500]


def test_everything_is_as_raw_says_after_all_that(torn: Platform) -> None:
    done = eventually(lambda: _rebuilt(torn), "a rebuild finds no difference", 100, 5)
    assert done == "identical"


def _rebuilt(torn: Platform) -> str:
    done = torn.command("rebuild", "--check")
    print(done.stdout[-1500:], done.stderr[-300:])
    return "identical" if done.returncode == 0 else ""


def test_sigterm_ends_every_process(torn: Platform) -> None:
    pids = torn.pids()
    assert all(is_alive(pid) for pid in pids)
    assert torn.stop() == 0
    assert [pid for pid in pids if is_alive(pid)] == []
