"""What FHIR asks of contained resources.

https://hl7.org/fhir/R4/domainresource.html, invariants dom-2 to dom-5, and https://hl7.org/fhir/R4/references.html#contained
"""

from __future__ import annotations

from typing import Any

from shared.domain.fhir.validation.explain.findings import Findings
from shared.domain.fhir.validation.explain.scope import LocalUse


def check_contained(container: dict[str, Any], use: LocalUse, path: str, findings: Findings) -> None:
    """Reports what is wrong with the contained resources of a container that has been read, `use` included."""
    contained = container.get("contained")
    seen: set[str] = set()
    for index, resource in enumerate(contained if isinstance(contained, list) else ()):
        if not isinstance(resource, dict):
            continue
        where = f"{path}.contained[{index}]"
        if "contained" in resource:
            text = "A contained resource must not contain others: contain them in the outermost."
            findings.error("invariant", text, f"{where}.contained", "dom-2")
        _check_meta(resource.get("meta"), where, findings)
        id_ = resource.get("id")
        if not isinstance(id_, str):
            findings.error(
                "required", "A contained resource needs an id to be referred to.", where, "contained-id"
            )
            continue
        if id_ in seen:
            findings.error(
                "invalid", "Another contained resource has this id.", f"{where}.id", "contained-id-unique"
            )
        seen.add(id_)
        if id_ not in use.used and index not in use.referring_back:
            text = "A contained resource is referred to from its container (by # and its id), or refers to it by #."
            findings.error("invariant", text, where, "dom-3")


def _check_meta(meta: Any, where: str, findings: Findings) -> None:
    if not isinstance(meta, dict):
        return
    for name in ("versionId", "lastUpdated"):
        if name in meta:
            findings.error(
                "invariant", f"A contained resource has no meta.{name}.", f"{where}.meta.{name}", "dom-4"
            )
    if "security" in meta:
        text = "A contained resource has no security label: label its container."
        findings.error("invariant", text, f"{where}.meta.security", "dom-5")
