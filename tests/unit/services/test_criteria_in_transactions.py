"""What is meant by criteria in a transaction: where a resource of such a patient lives, and which criteria are none.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir.identity import ResourceKey
from shared.errors import InputError, consequence_of
from shared.ports.records import AnyOf, Has
from shared.services.fhir.referenced import Written
from tests.delivery.world import World, caller, entry, observation, patient, transaction
from tests.unit.services.test_transaction_rules import MRN, expressions, ident, refusal, send, statuses


def homes(world: World, type_: str) -> set[tuple[str, str]]:
    """Where the resources of a type live, and where their ids say that they do."""
    return {(item["home"], item["rid"][:12]) for item in world.current(type_)}


@pytest.mark.parametrize("written", ["on record", "by POST", "by PUT", "by ifNoneExist", "matched"])
def test_a_resource_whose_patient_is_meant_by_criteria_lives_at_that_patients_home(
    world: World, written: str
) -> None:
    about = {"ifNoneExist": MRN} if written in ("by ifNoneExist", "matched") else {}
    writes = entry("POST", "Patient", patient(**ident()), **about)
    if written == "by PUT":
        writes = entry("PUT", "Patient/x", patient("x", **ident()))
    before = [writes] if written in ("on record", "matched") else []
    if before:
        send(world, transaction(*before))
    asking = [entry("POST", "Observation", observation(f"Patient?{MRN}")) for _ in range(2)]
    answers = send(world, transaction(*asking, *([] if written == "on record" else [writes])))
    assert statuses(answers)[:2] == ["201", "201"]
    (home,) = {item["home"] for item in world.current("Patient")}
    assert homes(world, "Observation") == {(home, home)}
    assert not world.kinds("pointer")


def test_a_patient_that_is_meant_by_criteria_is_searched_for_once(world: World) -> None:
    send(world, transaction(entry("POST", "Patient", patient(**ident()))))
    world.script.calls.clear()
    send(
        world,
        transaction(*[entry("POST", "Observation", observation(f"Patient?{MRN}")) for _ in range(5)]),
    )
    assert world.script.calls.count("records.query") == 1


DATED = observation("Patient/p", identifier=[{"system": "urn:o", "value": "7"}])


@pytest.mark.parametrize(
    "criteria",
    [
        "identifier=urn:o|7",
        "identifier=urn:o|8,urn:o|9,urn:o|7",
        "identifier=7&code=http://loinc.org|8867-4",
        "identifier=urn:o|&date=2026-03-29",
        "date=lt2020,gt2026-03-01",
        "patient=p&date=ge2026&date=lt2027",
        "_lastUpdated=gt2026-01-01&_id=x",
        "_id=x,y",
    ],
)
def test_criteria_find_an_entry_as_a_search_finds_it_afterwards(world: World, criteria: str) -> None:
    other = observation(
        "Patient/q", "z", identifier=[{"system": "urn:q", "value": "1"}], effectiveDateTime="2024-01-01"
    )
    send(
        world,
        transaction(
            entry("PUT", "Observation/x", {**DATED, "id": "x"}),
            entry("PUT", "Observation/z", {**other, "code": {"text": "other"}}),
            entry(
                "PUT",
                "Observation/w",
                observation("Patient/p", "w", hasMember=[{"reference": f"Observation?{criteria}"}])
                | {"effectiveDateTime": "2023-01-01", "code": {"text": "panel"}},
            ),
        ),
    )
    (panel,) = [item for item in world.current("Observation") if item["rid"] == "w"]
    assert world.bodies.stored(panel).resource["hasMember"] == [{"reference": "Observation/x"}]
    found = world.search.page(caller(), "Observation", criteria).matches
    assert [each.key.id for each in found] == ["x"]


def test_tokens_are_looked_up_and_no_list_of_them_is_searched() -> None:
    class Unsearched(list[str]):
        def __contains__(self, value: object) -> bool:
            raise AssertionError(value)

    tokens = Unsearched(["code|s|1", "code||1"])
    written = Written([{"type": "Basic", "rid": "a", "ix": {"t": tokens, "r": Unsearched()}}])
    alternatives = AnyOf(tuple(Has("ix.t", f"code||{number}") for number in range(3)))
    assert written.meeting([alternatives]) == {ResourceKey("Basic", "a")}
    assert written.meeting([alternatives, Has("ix.t", "code||2")]) == set()


def test_conditional_references_name_so_many_values_and_no_more(world: World) -> None:
    def asking(number: int) -> dict[str, Any]:
        values = ",".join(f"urn:mrn|{number}-{each}" for each in range(199))
        return entry("POST", "Observation", observation(f"Patient?identifier={values},urn:mrn|{number}"))

    people = [entry("POST", "Patient", patient(**ident(str(number)))) for number in range(11)]
    refused = refusal(world, *people, *[asking(number) for number in range(11)])
    assert consequence_of(refused).status == 413
    assert expressions(refused) == ["Bundle.entry[21].resource"]


def test_conditional_references_by_date_are_compared_with_so_many_entries(world: World) -> None:
    days = ",".join(f"lt19{number}" for number in range(10, 99))
    asking = [
        entry(
            "POST",
            "Observation",
            observation("Patient/p", hasMember=[{"reference": f"Observation?date={days},lt{year}"}]),
        )
        for year in range(1800, 1803)
    ]
    many = [entry("POST", "Observation", observation("Patient/p", value=value)) for value in range(1_000)]
    refused = refusal(world, *many, *asking)
    assert consequence_of(refused).status == 413
    assert expressions(refused) == ["Bundle.entry[1002].resource"]


@pytest.mark.parametrize(
    "name", ["_count=1", "_page=x", "_sort=_lastUpdated", "_summary=count", "_format=json"]
)
def test_criteria_that_say_how_to_show_what_is_found_are_refused(world: World, name: str) -> None:
    with pytest.raises(InputError) as alone:
        world.conditional.create(caller(), patient(**ident()), f"{MRN}&{name}")
    assert name.partition("=")[0] in alone.value.text
    refused = refusal(world, entry("POST", "Patient", patient(**ident()), ifNoneExist=f"{MRN}&{name}"))
    assert consequence_of(refused).status == 400
    assert expressions(refused) == ["Bundle.entry[0].request.ifNoneExist"]
    assert world.kinds("guard") == []
