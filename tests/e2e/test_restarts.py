"""What a user does to a platform, and what befalls it: parts die, the supervisor dies, it is told to end."""

from __future__ import annotations

import json
import threading
import time
import uuid

import pytest

from tests.e2e.doors import CLINICAL_EVENTS, Api, drop, found_so_far, send
from tests.e2e.manifest import Manifest
from tests.e2e.patients import Bundle, bundles, tagged_patient
from tests.e2e.platform import Platform, eventually, is_alive
from tests.e2e.senders import publish

EVENTS, AT_ONCE = 200, 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    # A connection that a kill broke is left to the collector by the SDK.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize("victim", ["ingest", "reactions", "http", "eventhubs", "datalake", "cosmos"])
def test_a_restart_of_any_part_mid_stream_loses_nothing(torn: Platform, victim: str) -> None:
    tag = uuid.uuid4().hex
    manifest = Manifest(torn.url, torn.token(), "")
    events = [json.dumps(tagged_patient(tag, number)).encode() for number in range(EVENTS)]
    killer = threading.Timer(0.4, torn.kill, (victim,))
    killer.start()
    for start in range(0, EVENTS, AT_ONCE):
        publish(torn, manifest, CLINICAL_EVENTS, events[start : start + AT_ONCE], key=str(start))
        time.sleep(0.05)
    killer.join()
    with Api(torn.url, manifest.token) as api:
        eventually(lambda: found_so_far(api, tag) >= EVENTS, "every event is recorded", every_s=0.3)
        assert found_so_far(api, tag) == EVENTS


def test_a_start_after_the_supervisor_was_killed_recovers_without_being_asked(torn: Platform) -> None:
    tag, left = uuid.uuid4().hex, torn.pids()
    send(torn, CLINICAL_EVENTS, [json.dumps(tagged_patient(tag, number)).encode() for number in range(50)])
    drop(
        torn,
        f"{tag}.ndjson",
        b"\n".join(json.dumps(tagged_patient(tag, number)).encode() for number in range(50, 90)),
    )
    torn.kill_supervisor()
    torn.start()
    assert [pid for pid in left if is_alive(pid)] == []
    with Api(torn.url, torn.token()) as api:
        eventually(lambda: found_so_far(api, tag) == 90, "what was sent before is recorded")
        send(torn, CLINICAL_EVENTS, [json.dumps(tagged_patient(tag, 100)).encode()])
        eventually(lambda: found_so_far(api, tag) == 91, "what is sent after is recorded")


def test_a_real_transaction_after_all_that_is_answered(torn: Platform) -> None:
    bundle: Bundle = next(bundles(1))
    with Api(torn.url, torn.token()) as api:
        answer = api.post_fhir("/fhir", bundle)
        assert answer.status_code == 200, answer.text[:500]


def test_everything_is_as_raw_says_after_all_that(torn: Platform) -> None:
    done = eventually(lambda: _rebuilt(torn), "a rebuild finds no difference", every_s=5)
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
