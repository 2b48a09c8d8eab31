"""References inside resources: found, and rewritten to final ids.

https://hl7.org/fhir/R4/references.html and https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from typing import Any, Final

from shared.domain.fhir.resource_types import RESOURCE_TYPES

_LINKS: Final = frozenset({"uri", "url", "valueUri", "valueUrl", "valueUuid", "valueCanonical"})
_NARRATIVE_LINK: Final = re.compile(r"""(\s(?:href|src)\s*=\s*["'])([^"'<]*)""", re.IGNORECASE)


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


def made_relative(document: Any, base: str) -> Any:
    """A copy in which references to resources at `base`, this server's own address, are relative.

    Whoever searches or scores then finds both forms alike: https://hl7.org/fhir/R4/search.html#reference. What is the
    fullUrl of an entry stays, for that entry is meant.
    """
    own = base.rstrip("/") + "/"
    entries = document.get("entry") if isinstance(document, dict) else None
    listed = entries if isinstance(entries, list) else ()
    full_urls = (each.get("fullUrl") for each in listed if isinstance(each, dict))
    kept = {url for url in full_urls if isinstance(url, str)}

    def target(reference: str) -> str | None:
        return None if reference in kept else reference.removeprefix(own)

    return rewrite(document, target, {})


def service_base(full_url: str) -> str:
    """The base of an absolute fullUrl, against which relative references in its entry are resolved; empty of any other."""
    head, _, _ = full_url.rpartition("/")
    base, _, type_ = head.rpartition("/")
    return base if full_url.startswith(("http://", "https://")) and type_ in RESOURCE_TYPES else ""


def rewrite(node: Any, target: Callable[[str], str | None], internal: dict[str, str], name: str = "") -> Any:
    """A copy with each reference replaced by `target(reference)` (None keeps it).

    Other links are replaced only where they are the fullUrl of an entry (`internal`), as the transaction rules say:
    uri, url, oid and uuid wherever they stand, and the links and images of a narrative. `name` is the element's.
    """
    if isinstance(node, dict):
        return {
            key: _link(key, child, target, internal)
            if isinstance(child, str)
            else rewrite(child, target, internal, key)
            for key, child in node.items()
        }
    if isinstance(node, list):
        return [rewrite(child, target, internal, name) for child in node]
    return _link(name, node, target, internal) if isinstance(node, str) else node


def _link(name: str, text: str, target: Callable[[str], str | None], internal: dict[str, str]) -> str:
    if name == "reference":
        return text if text.startswith("#") else target(text) or text
    if not internal:
        return text
    if name == "div":
        return _NARRATIVE_LINK.sub(lambda found: found[1] + internal.get(found[2], found[2]), text)
    # The value of an identifier is a string, though it may look the same: it is who the thing is.
    is_link = name in _LINKS or (name != "value" and text.startswith("urn:"))
    return internal.get(text, text) if is_link else text
