"""What is meant by criteria in a transaction: where a resource of such a patient lives, and which criteria are none.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import pytest

from shared.errors import InputError, consequence_of
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
