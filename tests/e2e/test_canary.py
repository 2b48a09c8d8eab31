"""A marked value in every string of what is sent appears nowhere but in the data itself."""

from __future__ import annotations

import copy
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.doors import (
    CLINICAL_EVENTS,
    VITAL_SIGNS,
    Api,
    dead_letters,
    dead_letters_after,
    drop,
    found_so_far,
    fresh_dead_letters,
    send,
)
from tests.e2e.patients import Bundle, patient_of, tagged_patient
from tests.e2e.platform import Platform, eventually, running_platform
from tests.e2e.test_alerts import _register as register


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One of its own, for others send the same patients unmarked."""
    with running_platform(tmp_path_factory.mktemp("watched") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[Api]:
    with Api(platform.url, platform.token()) as client:
        yield client


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every string of a value stands."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _paths(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _paths(each, (*path, number))
    elif isinstance(value, str):
        yield path


def _with(value: Any, path: tuple[Any, ...], marked: str) -> Any:
    changed = copy.deepcopy(value)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = marked
    return changed


def _shape(path: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(step for step in path if not isinstance(step, int))


def _marked(resources: list[dict[str, Any]], canary: str) -> list[bytes]:
    """Each resource with the mark in one string path, for every path once per type."""
    made: list[bytes] = []
    known = set()
    for resource in resources:
        for path in _paths(resource):
            shape = (resource["resourceType"], *_shape(path))
            if shape in known:
                continue
            known.add(shape)
            made.append(json.dumps(_with(resource, path, f"{canary}-{len(made)}")).encode())
    return made


def test_a_marked_value_leaves_by_no_way(platform: Platform, api: Api, patients: list[Bundle]) -> None:
    canary = f"canary{uuid.uuid4().hex[:12]}"
    by_type = {entry["resource"]["resourceType"]: entry["resource"] for entry in patients[0]["entry"]}
    marked = _marked(list(by_type.values()), canary)
    reading: dict[str, Any] = {
        "device": "d",
        "patient": "p",
        "effective": "2024-05-01T08:00:00Z",
        "metric": "heart_rate",
    }
    reading |= {"value": 72, "unit": "/min"}
    readings = [json.dumps(_with(reading, path, f"{canary}-r")).encode() for path in _paths(reading)]
    broken = [
        b'{"x": NaN, "y": "' + canary.encode() + b'"}',
        canary.encode(),
        b'{"a":"' + canary.encode() + b'\\ud800"}',
    ]
    known, tag = dead_letters(platform), uuid.uuid4().hex
    source, patient = register(platform, api)
    drop(platform, f"{canary}.json", canary.encode())
    dead_letters_after(platform, known, 1)
    # The last of each door says that all before it was processed.
    last = {
        **reading,
        "device": source,
        "patient": source,
        "effective": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    last_by_stream, last_by_file = (json.dumps(tagged_patient(tag, number)).encode() for number in range(2))
    send(platform, CLINICAL_EVENTS, [*marked, *broken, last_by_stream], key=canary)
    send(platform, VITAL_SIGNS, [*readings, *broken, json.dumps(last).encode()], key=canary)
    drop(platform, f"{canary}.ndjson", b"\n".join([*marked, *broken, last_by_file]))
    answers = list(_by_http(platform, canary, marked, patients[0]))
    eventually(lambda: found_so_far(api, tag) == 2, "every event and every line is processed")
    eventually(lambda: api.total("Observation", patient=patient) == 1, "every reading is processed")
    eventually(lambda: _is_quiet(platform), "what came by HTTP is landed")
    assert len(fresh_dead_letters(platform, known)) > 3 * len(broken)
    leaks = [f"answer {number}" for number, text in enumerate(answers) if canary in text]
    leaks += [f"log {path.name}" for path in (platform.data / "logs").glob("*") if canary in _text(path)]
    leaks += [
        f"dead letter {letter['id']}"
        for letter in fresh_dead_letters(platform, known)
        if canary in json.dumps(letter)
    ]
    leaks += [f"file name {path}" for path in _file_names(platform) if canary in path]
    with Api(platform.url, "") as nobody:
        leaks += ["/metrics"] if canary in nobody.get("/metrics").text else []
        leaks += ["/health"] if canary in nobody.get("/health").text else []
    leaks += ["the supervisor's output"] if canary in platform.said() else []
    assert leaks == [], leaks


def _by_http(platform: Platform, canary: str, marked: list[bytes], bundle: Bundle) -> Iterator[str]:
    """Every refusal that a marked request is answered with; what succeeds may show its own data."""
    with Api(platform.url, platform.token()) as api:
        for body in marked[::3]:
            type_ = json.loads(body).get("resourceType", "")
            answer = api.post_fhir(
                f"/fhir/{type_ if type_.isalpha() and canary not in type_ else 'Patient'}", body
            )
            if answer.status_code >= 400:
                yield answer.text
        whole = copy.deepcopy({**bundle, "entry": bundle["entry"][:3]})
        patient_of(whole)["gender"] = [canary]
        refused = [
            api.post_fhir("/fhir", whole),
            api.get(f"/fhir/Patient/{canary}"),
            api.get(f"/fhir/{canary}/1"),
            api.get(f"/fhir/Patient?{canary}={canary}"),
            api.get(f"/fhir/Patient?birthdate={canary}"),
            api.get(
                f"/{canary}", headers={"traceparent": canary, "x-request-id": canary, "user-agent": canary}
            ),
            api.post_fhir("/fhir/Patient", b'{"resourceType":"Patient","x":"' + canary.encode()),
            api.post_fhir("/fhir/Patient", {"resourceType": "Patient"}, If_None_Exist=f"{canary}={canary}"),
            api.get("/fhir/Patient", headers={"Authorization": f"Bearer {canary}"}),
            api.get(f"/alerts?since={canary}"),
        ]
        for answer in refused:
            assert answer.status_code >= 400
            yield answer.text


def _is_quiet(platform: Platform) -> bool:
    """Whether no new raw file or dead letter came for a second."""
    before = _file_names(platform)
    time.sleep(1)
    return bool(before) and before == _file_names(platform)


def _file_names(platform: Platform) -> list[str]:
    """Every path of the lake but those that the sender named itself."""
    lake = platform.data / "lake" / "galen"
    return [str(path.relative_to(lake)) for path in lake.rglob("*") if path.is_file()]


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")
