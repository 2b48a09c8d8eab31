"""Where published models lie in the lake, and what an alias says: file and SHA-256 of an artefact.

Below `ml-features/model-artifacts/<model>/` each artefact is `<sha256>.model.json.gz`, written once; `<alias>.json` names
one of them and is the only file that changes. What a training on the lake made lies below
`ml-features/model-candidates/<model>/<run>/`: artefact, card, and last `candidate.json`, which names them as an alias does.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from shared.domain.models.artefact import RefusedModel
from shared.domain.models.shipped import CHAMPION
from shared.names import MODEL_ARTEFACTS, MODEL_CANDIDATES

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Alias:
    """What stands behind a name such as `champion`."""

    model: str
    version: str
    sha256: str
    run_id: str

    def encode(self) -> bytes:
        """The file's bytes."""
        document = {
            "model": self.model,
            "version": self.version,
            "sha256": self.sha256,
            "runId": self.run_id,
        }
        return (json.dumps(document, indent=2) + "\n").encode()


def alias_path(model: str, alias: str = CHAMPION) -> str:
    """The path of an alias."""
    return f"{MODEL_ARTEFACTS}/{model}/{alias}.json"


def artefact_path(model: str, sha256: str) -> str:
    """The path of an artefact."""
    return f"{MODEL_ARTEFACTS}/{model}/{sha256}.model.json.gz"


def candidate_path(model: str, run_id: str, file: str = "candidate.json") -> str:
    """The path of a file of what one run of training made."""
    return f"{MODEL_CANDIDATES}/{model}/{run_id}/{file}"


def candidate_artefact(alias: Alias) -> str:
    """The path of the artefact that a candidate's file names."""
    return candidate_path(alias.model, alias.run_id, f"{alias.sha256}.model.json.gz")


def read_alias(data: bytes, model: str) -> Alias:
    """The alias in a file. Raises RefusedModel where it is none of this model."""
    try:
        document: dict[str, Any] = json.loads(data)
        alias = Alias(
            str(document["model"]), str(document["version"]), str(document["sha256"]), str(document["runId"])
        )
    except (ValueError, KeyError, TypeError) as broken:
        raise RefusedModel(f"the alias of the model {model} cannot be read") from broken
    if alias.model != model or not _SHA256.fullmatch(alias.sha256):
        raise RefusedModel(f"the alias of the model {model} names no artefact of it")
    return alias
