"""The platform on AWS's protocols, started as a user starts it: each door, an alert's way, a worker that is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from local.run_state import RunState
from local.running import services_of
from shared.adapters.aws.connections import AwsPlace, client
from shared.settings import read_settings
from tests.e2e.doors import Api
from tests.e2e.platform import Platform, eventually


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    started = Platform(tmp_path_factory.mktemp("aws") / "data")
    try:
        yield started.start(cloud="aws")
    finally:
        started.stop()


def test_what_comes_by_each_door_is_found_by_search_and_again_after_a_worker_was_killed(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, platform.settings[name])
    settings = read_settings(platform.settings)
    state = RunState.load(platform.data)
    assert state is not None
    services = services_of(state)
    streams = client("kinesis", AwsPlace(settings.region, settings.endpoint))

    def send(identity: str) -> None:
        body = json.dumps({"resourceType": "Patient", "id": identity, "birthDate": "1950-05-05"}).encode()
        streams.put_record(StreamName=settings.streams["clinical-events"], PartitionKey=identity, Data=body)

    with Api(platform.url, platform.token()) as api:
        made = api.post_fhir("/fhir/Patient", {"resourceType": "Patient", "gender": "female"})
        assert made.status_code == 201, made.text
        send("by-stream")
        services.adapters.dropped.put("default/p.ndjson", b'{"resourceType":"Patient","id":"by-file"}\n')
        eventually(lambda: api.total("Patient") == 3, "one patient by each door")
        platform.kill("ingest")
        send("after-the-kill")
        eventually(lambda: api.total("Patient") == 4, "the killed worker goes on where it was")
        committed = lambda: [file for file in services.lake.list("raw/commits") if file.path.endswith(".gz")]  # noqa: E731
        eventually(committed, "what came by HTTP is landed by the reactions")
    streams.close()
    assert not list(services.dead_letters.list())
