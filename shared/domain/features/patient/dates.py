"""When the newest event was that a feature of a patient looks at, and which version of which resource says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from shared.domain.features.patient.features import BY_NAME
from shared.domain.features.patient.known import Known


def rests_on(name: str, known: Known, versions: Mapping[str, str]) -> tuple[datetime, str] | None:
    """The instant and the versioned reference; None for a feature that looks at events and finds none.

    Who the patient is is of the instant that is asked for. `versions` has the version of each reference.
    """
    fold = BY_NAME[name].of
    found = list(fold.events(known))
    if found:
        return found[-1].at, versioned(found[-1].type, found[-1].id, versions)
    if not fold.of_person:
        return None
    return known.at, next(f"{each}/_history/{versions[each]}" for each in versions if _is_person(each))


def dated(
    values: Mapping[str, float], known: Known, versions: Mapping[str, str]
) -> Iterator[tuple[str, datetime, str]]:
    """Name, instant and versioned reference of each feature that has a value and rests on something."""
    for name, value in values.items():
        found = rests_on(name, known, versions) if value == value else None
        if found is not None:
            yield name, *found


def versioned(type_: str, id_: str, versions: Mapping[str, str]) -> str:
    """The reference of a fact's resource with its version; of a component that of its Observation."""
    reference = f"{type_}/{id_.partition('#')[0]}"
    return f"{reference}/_history/{versions[reference]}"


def _is_person(reference: str) -> bool:
    return reference.startswith("Patient/")
