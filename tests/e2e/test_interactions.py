"""The interactions of the HTTP door over the wire: versions, history, pages, conditional create, decimals."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.doors import CLINICAL_EVENTS, Api, drop, send
from tests.e2e.platform import Platform, eventually

DECIMALS = ("1.10", "1e-7", "0.00000001", "100", "-0.0", "3.141592653589793238462643383279")

PUTS_AT_ONCE = 64


def _patient(identifier: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": "urn:e2e", "value": identifier}], **more}


def test_every_version_of_a_resource_stays_readable(api: Api) -> None:
    created = api.post_fhir("/fhir/Patient", _patient(uuid.uuid4().hex, gender="male"))
    assert created.status_code == 201
    identity = created.json()["id"]
    etags = [created.headers["etag"]]
    for gender in ("female", "other"):
        body = {**created.json(), "gender": gender}
        changed = api.put_fhir(f"/fhir/Patient/{identity}", body, If_Match=etags[-1])
        assert changed.status_code == 200
        etags.append(changed.headers["etag"])
    assert len(set(etags)) == 3
    genders = [api.get(f"/fhir/Patient/{identity}/_history/{etag[3:-1]}").json()["gender"] for etag in etags]
    assert genders == ["male", "female", "other"]
    history = api.get(f"/fhir/Patient/{identity}/_history").json()
    assert [entry["resource"]["gender"] for entry in history["entry"]] == ["other", "female", "male"]


def test_a_history_is_paged_by_links_and_a_deleted_resource_is_gone(api: Api) -> None:
    identity = api.post_fhir("/fhir/Patient", _patient(uuid.uuid4().hex)).json()["id"]
    for number in range(4):
        body = {"resourceType": "Patient", "id": identity, "name": [{"family": f"f{number}"}]}
        assert api.put_fhir(f"/fhir/Patient/{identity}", body).status_code == 200
    assert api.delete(f"/fhir/Patient/{identity}").status_code in (200, 204)
    assert api.get(f"/fhir/Patient/{identity}").status_code == 410
    url, methods = f"/fhir/Patient/{identity}/_history?_count=2", []
    while url:
        page = api.get(url).json()
        methods += [entry["request"]["method"] for entry in page["entry"]]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    assert methods[0] == "DELETE"
    assert len(methods) == 6


def test_pages_hold_every_match_once(api: Api) -> None:
    tag = uuid.uuid4().hex
    entries = [
        {
            "resource": _observation(f"urn:e2e:{tag}", f"{number}"),
            "request": {"method": "POST", "url": "Observation"},
        }
        for number in range(25)
    ]
    assert (
        api.post_fhir(
            "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        ).status_code
        == 200
    )
    criteria = {"code": f"urn:e2e:{tag}|x"}
    found = [each["id"] for each in api.all_pages("Observation", **criteria, _count="7", _sort="-date")]
    assert len(found) == len(set(found)) == 25 == api.total("Observation", **criteria)


def test_the_next_link_is_absolute_and_refused_when_it_was_changed(api: Api, stranger: Api) -> None:
    for _ in range(2):
        api.post_fhir("/fhir/Patient", _patient(uuid.uuid4().hex))
    page = api.search("Patient", _count="1")
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    assert following.startswith(f"{api.base_url}".rstrip("/"))
    assert api.get(following).status_code == 200
    assert stranger.get(following).status_code == 400
    assert api.get(following[:-3] + "AAA").status_code == 400


def test_a_conditional_create_by_many_at_once_makes_one_resource(api: Api) -> None:
    value = uuid.uuid4().hex

    def create(_: int) -> tuple[int, str]:
        answer = api.post_fhir("/fhir/Patient", _patient(value), If_None_Exist=f"identifier=urn:e2e|{value}")
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(16)))
    assert len({identity for _, identity in answers}) == 1
    assert sorted({status for status, _ in answers}) == [200, 201]
    assert api.total("Patient", identifier=f"urn:e2e|{value}") == 1


def test_puts_of_one_id_under_two_patients_at_once_leave_one_current_resource(api: Api) -> None:
    tag = uuid.uuid4().hex
    subjects = [
        f"Patient/{api.post_fhir('/fhir/Patient', _patient(f'{tag}-{n}')).json()['id']}" for n in "ab"
    ]
    body = {**_observation(f"urn:e2e:{tag}", "1"), "id": tag}

    def put(number: int) -> str:
        changed = {**body, "subject": {"reference": subjects[number % 2]}, "valueQuantity": {"value": number}}
        answer = api.put_fhir(f"/fhir/Observation/{tag}", changed)
        # Told to try again while others hold it, a client does.
        while answer.status_code in (409, 429, 503):
            answer = api.put_fhir(f"/fhir/Observation/{tag}", changed)
        assert answer.status_code in (200, 201), answer.text
        return answer.headers["etag"]

    with ThreadPoolExecutor(PUTS_AT_ONCE) as pool:
        etags = list(pool.map(put, range(PUTS_AT_ONCE)))
    assert len(set(etags)) == PUTS_AT_ONCE
    assert api.total("Observation", code=f"urn:e2e:{tag}|x") == 1
    assert sum(api.total("Observation", subject=each, code=f"urn:e2e:{tag}|x") for each in subjects) == 1
    assert api.get(f"/fhir/Observation/{tag}").headers["etag"] in etags
    history = api.get(f"/fhir/Observation/{tag}/_history?_count=100").json()["entry"]
    assert {f'W/"{each["resource"]["meta"]["versionId"]}"' for each in history} == set(etags)


def test_decimals_keep_their_digits_by_http(api: Api) -> None:
    for digits in DECIMALS:
        body = _observation("urn:e2e:decimal", digits, raw=True)
        answer = api.post_fhir("/fhir/Observation", body)
        assert answer.status_code == 201, answer.text
        read = api.get(f"/fhir/Observation/{answer.json()['id']}").text
        assert f'"value":{digits}' in read.replace(" ", "")


@pytest.mark.parametrize("door", ["stream", "file"])
def test_decimals_keep_their_digits_by_stream_and_file(platform: Platform, api: Api, door: str) -> None:
    system = f"urn:e2e:{uuid.uuid4().hex}"
    bodies = [_observation(system, digits, raw=True) for digits in DECIMALS]
    if door == "stream":
        send(platform, CLINICAL_EVENTS, bodies)
    else:
        drop(platform, f"{uuid.uuid4().hex}.ndjson", b"\n".join(bodies))
    eventually(lambda: api.total("Observation", code=f"{system}|x") == len(DECIMALS), "all are found")
    text = api.get(f"/fhir/Observation?code={system}|x").text.replace(" ", "")
    assert [digits for digits in DECIMALS if f'"value":{digits}' not in text] == []


def _observation(system: str, value: str, *, raw: bool = False) -> Any:
    resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": "x"}]},
        "effectiveDateTime": "2024-05-01T08:00:00Z",
        "valueQuantity": {"value": "DIGITS"},
    }
    text = json.dumps(resource).replace('"DIGITS"', value)
    return text.encode() if raw else json.loads(text)
