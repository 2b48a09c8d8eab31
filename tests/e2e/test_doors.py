"""Real patients through each of the three doors, found by search with exact totals."""

from __future__ import annotations

import copy
import gzip
import json
from typing import Any

from tests.e2e.doors import CLINICAL_EVENTS, Api, await_next_second, drop, send
from tests.e2e.patients import SHARED_TYPES, Bundle, patient_of, source_id, types
from tests.e2e.platform import Platform, eventually


def _own_types(bundle: Bundle) -> dict[str, int]:
    """What belongs to the patient alone."""
    return {
        type_: number for type_, number in types(bundle).items() if type_ not in (*SHARED_TYPES, "Patient")
    }


def _recorded(api: Api, patient: str, bundle: Bundle) -> bool:
    return {type_: api.total(type_, patient=patient) for type_ in _own_types(bundle)} == _own_types(bundle)


def _find(api: Api, bundle: Bundle) -> str:
    """The recorded patient's reference, once everything of the bundle is found."""

    def found() -> str:
        entries = api.search("Patient", identifier=source_id(bundle)).get("entry", [])
        assert len(entries) <= 1, "the patient is doubled"
        reference = f"Patient/{entries[0]['resource']['id']}" if entries else ""
        return reference if reference and _recorded(api, reference, bundle) else ""

    return eventually(found, "the patient is recorded", every_s=0.25)


def _ids(api: Api, patient: str, bundle: Bundle) -> dict[str, list[str]]:
    return {
        type_: sorted(each["id"] for each in api.all_pages(type_, patient=patient, _count="1000"))
        for type_ in _own_types(bundle)
    }


def test_a_transaction_by_http_is_found_by_search_with_exact_totals(api: Api, patients: list[Bundle]) -> None:
    bundle = patients[0]
    answer = api.post_fhir("/fhir", bundle)
    assert answer.status_code == 200, answer.text[:500]
    entries = answer.json()["entry"]
    assert [entry["response"]["status"] for entry in entries] == ["201 Created"] * len(bundle["entry"])
    patient = _find(api, bundle)
    for type_, number in _own_types(bundle).items():
        assert api.total(type_, patient=patient) == number


def test_references_inside_a_transaction_lead_to_the_resources_it_created(
    api: Api, patients: list[Bundle]
) -> None:
    patient = _find(api, patients[0])
    encounter = next(api.all_pages("Encounter", patient=patient, _count="1"))
    assert encounter["subject"]["reference"] == patient
    assert api.get(f"/fhir/{encounter['serviceProvider']['reference']}").status_code == 200


def test_a_bundle_by_stream_is_found_and_a_redelivery_changes_nothing(
    platform: Platform, api: Api, patients: list[Bundle]
) -> None:
    bundle = patients[1]
    event = gzip.compress(json.dumps(bundle).encode())
    send(platform, CLINICAL_EVENTS, [event], key="a")
    patient = _find(api, bundle)
    before = _ids(api, patient, bundle)
    send(platform, CLINICAL_EVENTS, [event], key="a")
    later = _marked(bundle, "after-redelivery")
    send(platform, CLINICAL_EVENTS, [gzip.compress(json.dumps(later).encode())], key="a")
    eventually(
        lambda: _has_mark(api, patient, "after-redelivery"), "the event after the redelivery is recorded"
    )
    assert _ids(api, patient, bundle) == before


def test_the_same_bundle_by_file_has_the_ids_it_has_by_stream(
    platform: Platform, api: Api, patients: list[Bundle]
) -> None:
    bundle = patients[1]
    patient = _find(api, bundle)
    before = _ids(api, patient, bundle)
    await_next_second()
    drop(platform, "again.json.gz", gzip.compress(json.dumps(_marked(bundle, "by-file")).encode()))
    eventually(lambda: _has_mark(api, patient, "by-file"), "the file is recorded")
    assert _find(api, bundle) == patient
    assert _ids(api, patient, bundle) == before


def test_a_file_of_lines_is_found_by_search_with_exact_totals(
    platform: Platform, api: Api, patients: list[Bundle]
) -> None:
    bundle = patients[2]
    lines = [json.dumps(_literal(entry, bundle)) for entry in bundle["entry"]]
    drop(platform, "patient.ndjson", "\r\n".join(lines).encode())
    patient = _find(api, bundle)
    assert _recorded(api, patient, bundle)


def test_an_organization_that_comes_with_two_patients_is_one(
    platform: Platform, api: Api, patients: list[Bundle]
) -> None:
    source = copy.deepcopy(patients[1]["entry"])
    organization = next(e["resource"] for e in source if e["resource"]["resourceType"] == "Organization")
    identifier = organization["identifier"][0]
    criteria = f"{identifier['system']}|{identifier['value']}"
    by_http = types(patients[0])["Organization"]
    found = list(api.all_pages("Organization", identifier=criteria))
    assert 1 <= len(found) <= 1 + by_http
    send(platform, CLINICAL_EVENTS, [json.dumps(organization).encode()], key="org")
    marked = {**organization, "alias": ["seen again"]}
    send(platform, CLINICAL_EVENTS, [json.dumps(marked).encode()], key="org")
    eventually(
        lambda: any("alias" in each for each in api.all_pages("Organization", identifier=criteria)),
        "the organization has its new name",
    )
    assert len(list(api.all_pages("Organization", identifier=criteria))) == len(found)


def _marked(bundle: Bundle, mark: str) -> Bundle:
    """The bundle with another family name in the patient, as a change one can wait for."""
    changed = copy.deepcopy(bundle)
    patient_of(changed)["name"] = [{"family": mark}]
    return changed


def _has_mark(api: Api, patient: str, mark: str) -> bool:
    return bool(api.get(f"/fhir/{patient}").json()["name"][0].get("family") == mark)


def _literal(entry: dict[str, Any], bundle: Bundle) -> dict[str, Any]:
    """The entry's resource with `Type/id` references, as a bulk export writes them."""
    names = {
        each["fullUrl"]: f"{each['resource']['resourceType']}/{each['resource']['id']}"
        for each in bundle["entry"]
    }
    text = json.dumps(entry["resource"])
    for url, name in names.items():
        text = text.replace(f'"{url}"', f'"{name}"')
    found: dict[str, Any] = json.loads(text)
    return found
