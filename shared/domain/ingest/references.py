"""References inside resources: found, and rewritten to final ids.

https://hl7.org/fhir/R4/references.html and https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from shared.domain.fhir.resource_types import RESOURCE_TYPES

_LINKS: Final = frozenset({"reference", "uri", "url", "valueUri", "valueUrl", "valueUuid", "valueCanonical"})


def references_in(node: Any) -> Iterator[str]:
    """Every `Reference.reference` below a node, contained ones (`#…`) left out."""
    if isinstance(node, dict):
        for name, child in node.items():
            if name == "reference" and isinstance(child, str):
                if not child.startswith("#"):
                    yield child
            else:
                yield from references_in(child)
    elif isinstance(node, list):
        for child in node:
            yield from references_in(child)


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
