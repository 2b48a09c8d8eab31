"""Who may do what, over the wire: tokens, scopes and tenants; and what is open to everyone."""

from __future__ import annotations

import re

from tests.e2e.doors import Api
from tests.e2e.platform import Platform


def test_without_a_good_token_every_answer_is_the_same_401(platform: Platform, api: Api) -> None:
    with Api(platform.url, "") as nobody:
        answers = [
            nobody.get("/fhir/Patient"),
            nobody.get("/fhir/Patient", headers={"Authorization": "Bearer nonsense"}),
            nobody.get("/fhir/Patient", headers={"Authorization": f"{api.headers['authorization']}x"}),
            nobody.post_fhir("/fhir", b"not json at all"),
            nobody.get("/no/such/address"),
            nobody.get("/alerts"),
        ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in answers)
    assert answers[0].json()["resourceType"] == "OperationOutcome"


def test_a_missing_scope_is_403_and_checked_for_every_entry(platform: Platform) -> None:
    with Api(platform.url, platform.token("--scope", "system/Observation.rs")) as reader:
        assert reader.get("/fhir/Observation").status_code == 200
        assert reader.get("/fhir/Patient").status_code == 403
        entries = [{"request": {"method": method, "url": "Observation?_count=1"}} for method in ("GET",)]
        entries.append({"request": {"method": "GET", "url": "Patient?_count=1"}})
        batch = reader.post_fhir("/fhir", {"resourceType": "Bundle", "type": "batch", "entry": entries})
        assert batch.status_code == 200, batch.text
        assert [entry["response"]["status"][:3] for entry in batch.json()["entry"]] == ["200", "403"]
        transaction = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        assert reader.post_fhir("/fhir", transaction).status_code == 403


def test_another_tenants_resource_is_as_absent_as_one_that_never_was(api: Api, stranger: Api) -> None:
    made = api.post_fhir("/fhir/Patient", {"resourceType": "Patient", "active": True}).json()
    never = f"{made['id'][:-4]}0000"
    for path in ("/fhir/Patient/{}", "/fhir/Patient/{}/_history", "/fhir/Patient/{}/_history/1"):
        foreign, absent = stranger.get(path.format(made["id"])), stranger.get(path.format(never))
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert foreign.content == absent.content
    assert stranger.post(f"/fhir/Patient/{made['id']}/$risk").status_code == 404
    assert stranger.total("Patient", _id=made["id"]) == 0
    assert stranger.delete(f"/fhir/Patient/{made['id']}").status_code in (200, 204, 404)
    assert api.get(f"/fhir/Patient/{made['id']}").status_code == 200


def test_an_id_taken_in_one_tenant_is_free_in_another(api: Api, stranger: Api) -> None:
    for client, gender in ((api, "female"), (stranger, "male")):
        body = {"resourceType": "Patient", "id": "same-id", "gender": gender}
        assert client.put_fhir("/fhir/Patient/same-id", body).status_code in (200, 201)
    assert api.get("/fhir/Patient/same-id").json()["gender"] == "female"
    assert stranger.get("/fhir/Patient/same-id").json()["gender"] == "male"


def test_health_names_each_dependency_without_a_token(platform: Platform) -> None:
    with Api(platform.url, "") as nobody:
        answer = nobody.get("/health")
    assert answer.status_code == 200
    dependencies = answer.json()["dependencies"]
    assert {each["status"] for each in dependencies.values()} == {"ok"}
    assert {"records", "lake", "landing", "stream clinical-events", "stream vital-signs"} <= set(dependencies)


def test_metrics_are_prometheus_text_and_count_refusals_by_reason(platform: Platform, api: Api) -> None:
    with Api(platform.url, "") as nobody:
        nobody.get("/fhir/Patient")
        text = nobody.get("/metrics").text
    sample = re.compile(r'[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? [-+0-9.einfNa]+')
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not sample.fullmatch(line)] == []
    assert 'galen_refused_total{reason="no-token",status="401"}' in text
    assert "galen_http_request_seconds_bucket" in text


def test_the_capabilities_are_public_and_name_what_the_server_does(platform: Platform) -> None:
    with Api(platform.url, "") as nobody:
        statement = nobody.get("/fhir/metadata").json()
    assert statement["resourceType"] == "CapabilityStatement"
    assert statement["fhirVersion"] == "4.0.1"
