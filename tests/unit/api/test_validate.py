"""$validate over HTTP: https://hl7.org/fhir/R4/resource-operation-validate.html"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.api.world import Client, World, observation, patient

INVALID = {"resourceType": "Patient", "gender": 7, "birthDate": "1970-13-01"}


def parameters(**parts: Any) -> dict[str, Any]:
    values = {"mode": "valueCode", "profile": "valueUri", "resource": "resource"}
    listed = [{"name": name, values[name]: value} for name, value in parts.items()]
    return {"resourceType": "Parameters", "parameter": listed}


def severities(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    return [issue["severity"] for issue in body["issue"]]


def expressions(answer: Any) -> set[str]:
    return {path for issue in answer.json()["issue"] for path in issue.get("expression", ())}


@pytest.mark.parametrize("path", ["/fhir/$validate", "/fhir/Patient/$validate"])
def test_says_that_a_resource_is_valid_in_one_information_issue(client: Client, path: str) -> None:
    for body in (patient(), parameters(resource=patient()), parameters(resource=patient(), mode="create")):
        answer = client("POST", path, fhir=body)
        assert severities(answer) == ["information"]
        assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"


def test_says_everything_that_is_wrong_with_200(client: Client) -> None:
    for body in (INVALID, parameters(resource=INVALID)):
        answer = client("POST", "/fhir/$validate", fhir=body)
        assert set(severities(answer)) == {"error"}
        assert expressions(answer) == {"Patient.gender", "Patient.birthDate"}


def lines(answer: Any) -> dict[str, int]:
    return {
        issue["expression"][0]: extension["valueInteger"]
        for issue in answer.json()["issue"]
        for extension in issue["extension"]
        if extension["url"] == "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"
    }


def test_issues_have_the_lines_of_the_body(client: Client) -> None:
    wanted = {"Patient.gender": 3, "Patient.birthDate": 4}
    body = json.dumps(INVALID, indent=1)
    assert lines(client("POST", "/fhir/$validate", fhir=body)) == wanted
    head = '{"resourceType":"Parameters","parameter":[\n{"name":"mode","valueCode":"create"},'
    wrapped = f'{head}{{"name":"resource","resource":{body}}}]}}'
    assert lines(client("POST", "/fhir/Patient/$validate", fhir=wrapped)) == {
        path: line + 1 for path, line in wanted.items()
    }


def test_an_outcome_shows_fifty_issues_errors_first_and_counts_the_rest(client: Client) -> None:
    many = {"resourceType": "Patient", "name": [{"family": 1}] * 60}
    found = client("POST", "/fhir/$validate", fhir=many).json()["issue"]
    assert [issue["severity"] for issue in found] == ["error"] * 50 + ["information"]
    assert "10 further" in found[-1]["details"]["text"]


def test_writes_nothing(client: Client) -> None:
    client("POST", "/fhir/Patient/$validate?mode=create", fhir=patient())
    client("POST", "/fhir/Patient/a/$validate?mode=update", fhir=patient(id="a"))
    assert client("GET", "/fhir/Patient?_summary=count").json()["total"] == 0


def test_a_resource_of_another_type_than_the_url_is_an_issue(client: Client) -> None:
    answer = client("POST", "/fhir/Observation/$validate", fhir=patient())
    assert severities(answer) == ["error"]
    assert "resourceType Observation" in answer.json()["issue"][0]["details"]["text"]


def test_validates_parameters_themselves_where_they_are_the_resource(client: Client) -> None:
    own = {"resourceType": "Parameters", "parameter": [{"name": "result", "valueBoolean": True}]}
    assert severities(client("POST", "/fhir/$validate", fhir=own)) == ["information"]
    assert severities(client("POST", "/fhir/Parameters/$validate", fhir=own)) == ["information"]


def test_validates_what_is_on_record(client: Client) -> None:
    client("PUT", "/fhir/Patient/a", fhir=patient(id="a"))
    assert severities(client("GET", "/fhir/Patient/a/$validate")) == ["information"]
    profile = "http://hl7.org/fhir/StructureDefinition/Patient"
    asked = client("POST", "/fhir/Patient/a/$validate", fhir=parameters(mode="profile", profile=profile))
    assert severities(asked) == ["information"]
    assert client("GET", "/fhir/Patient/b/$validate").status_code == 404
    client("DELETE", "/fhir/Patient/a")
    assert client("GET", "/fhir/Patient/a/$validate").status_code == 410


def test_mode_update_says_what_the_update_would_do(client: Client) -> None:
    path = "/fhir/Patient/a/$validate?mode=update"
    assert "would create" in client("POST", path, fhir=patient(id="a")).text
    client("PUT", "/fhir/Patient/a", fhir=patient(id="a"))
    assert "would create" not in client("POST", path, fhir=patient(id="a")).text
    for wrong in (patient(id="b"), patient()):
        answer = client("POST", path, fhir=wrong)
        assert severities(answer) == ["error"]
        assert expressions(answer) == {"Patient.id"}


def test_mode_delete_ignores_the_content(client: Client) -> None:
    assert "change nothing" in client("GET", "/fhir/Patient/a/$validate?mode=delete").text
    client("PUT", "/fhir/Patient/a", fhir=patient(id="a"))
    answer = client("POST", "/fhir/Patient/a/$validate", fhir=parameters(mode="delete", resource=INVALID))
    assert severities(answer) == ["information"]
    assert "can be deleted" in answer.text
    assert client("GET", "/fhir/Patient/a").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("POST", "/fhir/$validate", "{", "Not JSON"),
        ("POST", "/fhir/$validate", "", "empty"),
        ("POST", "/fhir/$validate", '{"a":1,"a":2}', "twice"),
        ("POST", "/fhir/$validate", parameters(), "missing"),
        ("POST", "/fhir/$validate", parameters(resource=3), "element resource"),
        ("POST", "/fhir/$validate", parameters(mode="create", resource={"resourceType": "X"}), "resourceType"),
        ("POST", "/fhir/$validate?mode=insert", patient(), "mode is one of"),
        ("POST", "/fhir/$validate?mode=create&mode=create", patient(), "repeated"),
        ("POST", "/fhir/$validate?other=1", patient(), "not supported"),
        ("POST", "/fhir/Patient/$validate?mode=update", patient(id="a"), "in the URL"),
        ("POST", "/fhir/Patient/$validate?mode=delete", patient(id="a"), "in the URL"),
        ("POST", "/fhir/Patient/$validate?mode=update", parameters(mode="create", resource={}), "say it once"),
        ("POST", "/fhir/Patient/a/$validate?mode=create", patient(), "leave the id out"),
        ("GET", "/fhir/Patient/a/$validate?mode=update", None, "missing"),
        ("GET", "/fhir/Patient/a/$validate?mode=profile", None, "takes a profile"),
        ("POST", "/fhir/Patient/$validate?profile=http://example.org/none", patient(), "not loaded"),
        ("POST", "/fhir/$validate", {**parameters(mode="create"), "parameter": [{"name": "mode"}, 3]}, "list"),
        ("POST", "/fhir/$validate", parameters(mode=3, resource=patient()), "valueCode"),
    ],
)  # fmt: skip
def test_refuses_what_makes_no_sense_and_says_why(
    client: Client, method: str, path: str, body: Any, named: str
) -> None:
    answer = client(method, path, fhir=body) if body is not None else client(method, path)
    assert answer.status_code == 400, answer.text
    [issue] = answer.json()["issue"]
    assert named in issue["details"]["text"]


def test_a_profile_of_another_type_is_an_issue(client: Client) -> None:
    profile = "http://hl7.org/fhir/StructureDefinition/Observation"
    answer = client("POST", "/fhir/Patient/$validate", fhir=parameters(resource=patient(), profile=profile))
    assert severities(answer) == ["error"]


def test_a_nominated_profile_is_checked_as_if_it_were_claimed(client: Client) -> None:
    weight = observation("p", code="718-7")
    profile = "http://hl7.org/fhir/StructureDefinition/bodyweight"
    assert severities(client("POST", "/fhir/$validate", fhir=weight)) == ["information"]
    nominated = client("POST", "/fhir/$validate", fhir=parameters(resource=weight, profile=profile))
    assert "error" in severities(nominated)
    assert any("bodyweight" in str(issue["details"]) for issue in nominated.json()["issue"])


def test_what_one_sends_needs_a_token_and_what_is_on_record_the_right_to_read(world: World) -> None:
    Client(world)("PUT", "/fhir/Patient/a", fhir=patient(id="a"))
    nobody, writer, reader = (
        Client(world, scope) for scope in (None, "system/Observation.c", "system/Patient.r")
    )
    assert nobody("POST", "/fhir/$validate", fhir=patient()).status_code == 401
    assert severities(writer("POST", "/fhir/Patient/$validate", fhir=patient())) == ["information"]
    assert writer("GET", "/fhir/Patient/a/$validate").status_code == 403
    assert writer("POST", "/fhir/Patient/a/$validate", fhir=patient(id="a")).status_code == 403
    assert severities(reader("GET", "/fhir/Patient/a/$validate")) == ["information"]
    assert reader("GET", "/fhir/Patient/a/$validate?mode=delete").status_code == 403
    other = Client(world, tenant="elsewhere")
    assert other("GET", "/fhir/Patient/a/$validate").status_code == 404


def test_a_mode_needs_the_scope_of_the_write_it_asks_about(world: World) -> None:
    writer = Client(world, "system/Observation.c")
    allowed = writer("POST", "/fhir/$validate?mode=create", fhir=observation("p"))
    refused = writer("POST", "/fhir/$validate?mode=create", fhir=patient())
    assert (allowed.status_code, refused.status_code) == (200, 403)
    assert "system/Patient.c" in refused.text


def test_takes_no_larger_body_than_a_write_and_no_other_format(client: Client) -> None:
    large = client("POST", "/fhir/$validate", fhir=b" " * 16_000_001)
    xml = client(
        "POST", "/fhir/$validate", fhir="<Patient/>", headers={"Content-Type": "application/fhir+xml"}
    )
    assert (large.status_code, xml.status_code) == (413, 415)


def test_no_answer_holds_a_value_of_the_resource(client: Client) -> None:
    marked = {
        "resourceType": "Patient",
        "gender": ["canary4711"],
        "birthDate": "canary4711",
        "id": "canary_4711",
    }
    assert "anary" not in client("POST", "/fhir/$validate", fhir=marked).text


def test_the_capability_statement_lists_the_operation(client: Client) -> None:
    rest = client("GET", "/fhir/metadata").json()["rest"][0]
    wanted = "http://hl7.org/fhir/OperationDefinition/Resource-validate"
    for place in (rest, *rest["resource"]):
        assert wanted in {each["definition"] for each in place["operation"]}
