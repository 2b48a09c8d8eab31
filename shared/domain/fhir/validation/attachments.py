"""Whether an Attachment says of its data what is true.

https://hl7.org/fhir/R4/datatypes.html#Attachment: size is the number of bytes before they are written as base64.
"""

from __future__ import annotations

from typing import Any

from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.validation.primitives import primitive_fault


def attachment_issue(attachment: dict[str, Any], path: str) -> Issue | None:
    """What is wrong with an Attachment beyond its structure; None where nothing is."""
    size, data = attachment.get("size"), attachment.get("data")
    if not isinstance(size, int) or not isinstance(data, str) or primitive_fault("base64Binary", data):
        return None
    packed = "".join(data.split())
    held = len(packed) // 4 * 3 - packed.count("=", -2)
    if size == held:
        return None
    text = "The size is not that of the data: count the bytes before they are written as base64, or leave it out."
    return error("structure", text, f"{path}.size", "attachment-size")
