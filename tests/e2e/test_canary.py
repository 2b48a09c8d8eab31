"""A marked value in every string of what is sent appears nowhere but in the data itself."""

from __future__ import annotations

import copy
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.doors import CLINICAL_EVENTS, VITAL_SIGNS, Api, dead_letters, drop, send
from tests.e2e.patients import Bundle, patient_of
from tests.e2e.platform import Platform, eventually, running_platform


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("watched") / "data") as platform:
        yield platform


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


def test_a_marked_value_leaves_by_no_way(watched: Platform, patients: list[Bundle]) -> None:
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
    send(watched, CLINICAL_EVENTS, [*marked, *broken], key=canary)
    send(watched, VITAL_SIGNS, [*readings, *broken], key=canary)
    drop(watched, f"{canary}.ndjson", b"\n".join([*marked, *broken]))
    drop(watched, f"{canary}.json", canary.encode())
    answers = list(_by_http(watched, canary, marked, patients[0]))
    eventually(
        lambda: len(dead_letters(watched)) > len(broken) and _is_quiet(watched),
        "everything is processed",
        every_s=1,
    )
    leaks = [f"answer {number}" for number, text in enumerate(answers) if canary in text]
    leaks += [f"log {path.name}" for path in (watched.data / "logs").glob("*") if canary in _text(path)]
    leaks += [
        f"dead letter {letter['id']}" for letter in dead_letters(watched) if canary in json.dumps(letter)
    ]
    leaks += [f"file name {path}" for path in _file_names(watched) if canary in path]
    with Api(watched.url, "") as nobody:
        leaks += ["/metrics"] if canary in nobody.get("/metrics").text else []
        leaks += ["/health"] if canary in nobody.get("/health").text else []
    leaks += ["the supervisor's output"] if canary in watched.said() else []
    assert leaks == [], leaks


def _by_http(watched: Platform, canary: str, marked: list[bytes], bundle: Bundle) -> Iterator[str]:
    """Every refusal that a marked request is answered with; what succeeds may show its own data."""
    with Api(watched.url, watched.token()) as api:
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


def _is_quiet(watched: Platform) -> bool:
    """Whether no new raw file or dead letter came for a while."""
    before = _file_names(watched)
    time.sleep(3)
    return bool(before) and before == _file_names(watched)


def _file_names(watched: Platform) -> list[str]:
    """Every path of the lake but those that the sender named itself."""
    lake = watched.data / "lake" / "galen"
    return [str(path.relative_to(lake)) for path in lake.rglob("*") if path.is_file()]


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")
