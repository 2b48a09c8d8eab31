"""The state item of a patient: the readings of the last 48 hours and what was made of them."""

from __future__ import annotations

from shared.domain.fhir import json
from shared.domain.records import Item, Kind, body_of, stored_body
from shared.domain.scores.state import VitalsState


def state_id(patient: str) -> str:
    """The id of a patient's state item; `patient` is `Patient/<id>`."""
    return f"state.vitals.{patient.partition('/')[2]}"


def state_item(tenant: str, home: str, patient: str, state: VitalsState) -> Item:
    """The item of a state."""
    head = {
        "id": state_id(patient),
        "tenant": tenant,
        "home": home,
        "kind": Kind.STATE.value,
        "patient": patient,
    }
    return {**head, **stored_body(json.encode(state))}


def decode_state(item: Item) -> VitalsState:
    """The state an item keeps."""
    return json.decode_object(body_of(item))
