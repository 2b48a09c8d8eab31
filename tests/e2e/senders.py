"""Senders of the three doors that behave as real clients do: what was not acknowledged is sent again."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from azure.core.exceptions import AzureError
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError
from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.aws_doors import is_on_aws, put_file, put_records
from tests.e2e.doors import CLINICAL_EVENTS, VITAL_SIGNS, Api, drop
from tests.e2e.manifest import Manifest
from tests.e2e.patients import Bundle, patient_of
from tests.e2e.platform import Platform
from tests.patience import PATIENCE_S

UPDATED_EVERY = 12
Advance = Callable[[int], None]
"""Told how many resources were acknowledged."""


def send_by_http(platform: Platform, manifest: Manifest, bundles: list[Bundle], advance: Advance) -> None:
    """Transactions of PUTs under the source's ids, every third one of conditional creates: both may be repeated."""
    with Api(platform.url, manifest.token) as api:
        for number, bundle in enumerate(bundles):
            conditional = number % 3 == 2
            tagged = manifest.tagged(bundle, "create" if conditional else "put", "http")
            entries = [_conditional(entry) if conditional else _put(entry) for entry in tagged["entry"]]
            _insist(api, {"resourceType": "Bundle", "type": "transaction", "entry": entries})
            advance(len(entries))
            if not conditional:
                updates = [_changed(entry["resource"]) for entry in tagged["entry"][1::UPDATED_EVERY]]
                tagged_updates = [
                    manifest.expect(each, "put", "http", f"put:Patient/{patient_of(bundle)['id']}")
                    for each in updates
                    if each["resourceType"] not in ("Organization", "Practitioner")
                ]
                names = _names(bundle)
                again = [_put({"resource": _literal(each, names)}) for each in tagged_updates]
                _insist(api, {"resourceType": "Bundle", "type": "transaction", "entry": again})
                advance(len(again))


def _insist(api: Api, bundle: Bundle) -> None:
    """Send until it is acknowledged; only a refusal that repeating cannot mend fails."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            answer = api.post_fhir("/fhir", bundle)
        except httpx.TransportError:
            status, text = 0, "no answer"
        else:
            status, text = answer.status_code, answer.text[:500]
            if status == 200:
                assert all(entry["response"]["status"][0] == "2" for entry in answer.json()["entry"])
                return
        assert status in (0, 408, 409, 429) or status >= 500, f"{status}: {text}"
        assert time.monotonic() < until, f"not acknowledged in {PATIENCE_S:.0f} s: {status} {text}"
        time.sleep(0.3)


def _put(entry: dict[str, Any]) -> dict[str, Any]:
    resource = entry["resource"]
    request = {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
    return {**entry, "request": request}


def _conditional(entry: dict[str, Any]) -> dict[str, Any]:
    resource = entry["resource"]
    value = resource["meta"]["tag"][-2]["code"]
    identified = {**resource, "identifier": [{"system": "urn:e2e:serial", "value": value}]}
    request = {
        "method": "POST",
        "url": resource["resourceType"],
        "ifNoneExist": f"identifier=urn:e2e:serial|{value}",
    }
    return {**entry, "resource": identified, "request": request}


def _changed(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "language": "en"}


def send_by_stream(platform: Platform, manifest: Manifest, bundles: list[Bundle], advance: Advance) -> None:
    """Whole bundles, every second one resource by resource; then newer versions, some of them before the older."""
    for number, bundle in enumerate(bundles):
        key = patient_of(bundle)["id"]
        bodies = replica_bodies(manifest, bundle, "stream")
        if number % 2 == 0:
            whole = {
                **bundle,
                "entry": [{**e, "resource": b} for e, b in zip(bundle["entry"], bodies[0], strict=True)],
            }
            events = [gzip.compress(json.dumps(whole).encode(), mtime=0)]
        else:
            names = _names(bundle)
            events = [json.dumps(_literal(body, names)).encode() for body in bodies[0]]
        publish(platform, manifest, CLINICAL_EVENTS, events, key)
        advance(len(bodies[0]))
        publish(platform, manifest, CLINICAL_EVENTS, [json.dumps(each).encode() for each in bodies[1]], key)
        advance(len(bodies[1]))


def send_by_file(platform: Platform, manifest: Manifest, bundles: list[Bundle], advance: Advance) -> None:
    """Bundle documents, every second one as lines; then a file of newer and older versions."""
    for number, bundle in enumerate(bundles):
        bodies = replica_bodies(manifest, bundle, "file")
        name = f"{number:03d}"
        if number % 2 == 0:
            whole = {
                **bundle,
                "entry": [{**e, "resource": b} for e, b in zip(bundle["entry"], bodies[0], strict=True)],
            }
            lines, ending = [json.dumps(whole).encode()], "json.gz"
        else:
            names = _names(bundle)
            lines, ending = [json.dumps(_literal(body, names)).encode() for body in bodies[0]], "ndjson.gz"
        _drop(platform, manifest, f"{name}.{ending}", lines)
        advance(len(bodies[0]))
        _drop(platform, manifest, f"{name}-later.ndjson", [json.dumps(each).encode() for each in bodies[1]])
        advance(len(bodies[1]))


def replica_bodies(
    manifest: Manifest, bundle: Bundle, door: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The bundle's resources as first sent, and the further versions, newest first: each has its source's time."""
    owner = f"replica:Patient/{patient_of(bundle)['id']}"
    names, first, later = _names(bundle), [], []
    for index, entry in enumerate(bundle["entry"]):
        resource = entry["resource"]
        updated = index % UPDATED_EVERY == 1 and resource["resourceType"] not in (
            "Organization",
            "Practitioner",
        )
        if not updated:
            first.append(manifest.expect(resource, "replica", door, owner))
            continue
        stamps = [
            (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ") for hours in (3, 2, 1)
        ]
        versions = []
        for stamp, language in zip(stamps, ("en", "en-GB", "en-US"), strict=True):
            stamped = {**resource, "language": language, "meta": {**resource["meta"], "lastUpdated": stamp}}
            versions.append(manifest.expect(stamped, "replica", door, owner))
        first.append(versions[0])
        later += [_literal(versions[2], names), _literal(versions[1], names)]
    return first, later


def publish(platform: Platform, manifest: Manifest, hub: str, bodies: list[bytes], key: str) -> None:
    """Each event until it is acknowledged; an attempt that failed may have arrived, so attempts are counted."""
    pending = list(bodies)
    until = time.monotonic() + PATIENCE_S
    while pending:
        try:
            with _stream(platform, hub, key) as send:
                while pending:
                    chunk = _chunk(pending)
                    for body in chunk:
                        manifest.note_event(body)
                    send(chunk)
                    pending = pending[len(chunk) :]
        except (EventHubError, BotoCoreError, ClientError, OSError):
            assert time.monotonic() < until, f"{len(pending)} events were not acknowledged"
            time.sleep(0.3)


@contextmanager
def _stream(platform: Platform, hub: str, key: str) -> Iterator[Callable[[list[bytes]], None]]:
    """What sends events of one key to a hub, and tries once."""
    if is_on_aws(platform):
        yield lambda chunk: put_records(platform, hub, chunk, key)
        return
    connection = platform.settings["GALEN_EVENT_HUBS"]
    with EventHubProducerClient.from_connection_string(
        connection, eventhub_name=hub, retry_total=0
    ) as producer:
        yield lambda chunk: producer.send_batch([EventData(body) for body in chunk], partition_key=key)


def _chunk(bodies: list[bytes]) -> list[bytes]:
    chunk: list[bytes] = []
    size = 0
    for body in bodies:
        size += len(body)
        if chunk and size > 200_000:
            break
        chunk.append(body)
    return chunk


def _drop(platform: Platform, manifest: Manifest, name: str, lines: list[bytes]) -> None:
    content = b"\n".join(lines) if len(lines) > 1 or "ndjson" in name else lines[0]
    packed = gzip.compress(content, mtime=0) if name.endswith(".gz") else content
    until = time.monotonic() + PATIENCE_S
    manifest.note_lines(lines)
    while True:
        try:
            (put_file if is_on_aws(platform) else drop)(platform, name, packed)
            return
        except (AzureError, BotoCoreError, ClientError):
            assert time.monotonic() < until, "a file was not acknowledged"
            time.sleep(0.3)


def send_readings(platform: Platform, manifest: Manifest, seed: int, patients: int) -> None:
    """Device readings of patients who become ill: each instant once, a few events twice."""
    chance = random.Random(seed)
    started = datetime.now(UTC) - timedelta(hours=1)
    sources = [f"ward-{seed}-{number}" for number in range(patients)]
    for minute in range(12):
        for source in sources:
            at = (started + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
            worse = minute >= 6
            readings = [
                {"metric": "heart_rate", "value": 138 if worse else 72, "unit": "/min"},
                {"metric": "respiratory_rate", "value": 29 if worse else 16, "unit": "/min"},
                {"metric": "oxygen_saturation", "value": 88 if worse else 98, "unit": "%"},
            ]
            event = {"device": f"mon-{source}", "patient": source, "effective": at, "readings": readings}
            manifest.readings += [f"mon-{source}|{code}|{at}" for code in ("8867-4", "9279-1", "2708-6")]
            body = json.dumps(event).encode()
            publish(platform, manifest, VITAL_SIGNS, [body] * chance.choice((1, 1, 1, 2)), source)
    manifest.ill += [f"mon-{source}" for source in sources]


def _names(bundle: Bundle) -> dict[str, str]:
    return {e["fullUrl"]: f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]}


def _literal(resource: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The resource with `Type/id` references, as one sends it outside of its bundle."""
    text = json.dumps(resource)
    for url, name in names.items():
        text = text.replace(f'"{url}"', f'"{name}"')
    found: dict[str, Any] = json.loads(text)
    return found
