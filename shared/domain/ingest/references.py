"""References inside resources: found, and rewritten to final ids.

https://hl7.org/fhir/R4/references.html and https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any, Final

from shared.domain.fhir.resource_types import RESOURCE_TYPES

_LINKS: Final = frozenset({"reference", "uri", "url", "valueUri", "valueUrl", "valueUuid", "valueCanonical"})


def references_in(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every `Reference.reference` below a node after its FHIRPath from there (`.subject.reference`)."""
    if isinstance(node, dict):
        for name, child in node.items():
            if name == "reference" and isinstance(child, str):
                yield f"{path}.reference", child
            else:
                yield from references_in(child, f"{path}.{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from references_in(child, f"{path}[{index}]")


def dangling(resource: Any, held: Set[str]) -> Iterator[str]:
    """The FHIRPaths of `urn:` references of a transaction's entry to none of the fullUrls `held`: nothing else has them."""
    for path, reference in references_in(resource):
        if reference.startswith(("urn:uuid:", "urn:oid:")) and reference not in held:
            yield path


def service_base(full_url: str) -> str:
    """The base of an absolute fullUrl, against which relative references in its entry are resolved; empty of any other."""
    head, _, _ = full_url.rpartition("/")
    base, _, type_ = head.rpartition("/")
    return base if full_url.startswith(("http://", "https://")) and type_ in RESOURCE_TYPES else ""


def rewrite(node: Any, target: Callable[[str], str | None], internal: dict[str, str]) -> Any:
    """A copy with each reference replaced by `target(reference)` (None keeps it).

    Other links (uri, url) are replaced only where they are the fullUrl of an entry, as the transaction rules say.
    """
    if isinstance(node, dict):
        return {
            name: _link(name, child, target, internal)
            if isinstance(child, str)
            else rewrite(child, target, internal)
            for name, child in node.items()
        }
    if isinstance(node, list):
        return [rewrite(child, target, internal) for child in node]
    return node


def _link(name: str, text: str, target: Callable[[str], str | None], internal: dict[str, str]) -> str:
    if name not in _LINKS:
        return text
    if name == "reference":
        return text if text.startswith("#") else target(text) or text
    return internal.get(text, text)
