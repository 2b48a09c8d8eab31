"""Resources a second through the validator, through fhir.resources and through orjson's parser: one process, one core.

The same texts in each round, the three after one another, and the median of the rounds, in CPU time of this process:
what else runs on the machine slows the three alike and little.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import orjson

from local.bench.ingest import portions, real_bundles
from local.validation.reading import places_of, texts
from shared.domain.fhir import json
from shared.domain.fhir.validation.validator import R4Validator
from shared.errors import InputError

OURS: Final = "ours"
RIVAL: Final = "fhir.resources"
LIMIT: Final = "orjson"
NAMES: Final = (OURS, RIVAL, LIMIT)
_FEWEST_A_ROUND: Final = 200
"""A type with fewer texts is measured several times over in each round."""

Texts = Mapping[str, Sequence[bytes]]
"""Resource type → texts."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Resources a second by contestant, in all and by type; `skipped` has no model in fhir.resources (R4B).

    A type's rate is over all its texts together. `sizes` are the bytes of each type's texts.
    """

    total: dict[str, float]
    by_type: dict[str, dict[str, float]]
    counts: dict[str, int]
    sizes: dict[str, int]
    skipped: int

    @property
    def mean_bytes(self) -> float:
        """Of a resource."""
        return sum(self.sizes.values()) / max(1, sum(self.counts.values()))

    def mb_per_s(self, type_name: str, name: str) -> float:
        """Megabytes a second: what a rate means where resources are large."""
        return self.by_type[type_name][name] * self.sizes[type_name] / self.counts[type_name] / 1e6

    def as_json(self, *, by_type: bool) -> dict[str, Any]:
        """Plain JSON values: resources a second."""
        told: dict[str, Any] = {name: round(rate) for name, rate in self.total.items()}
        if by_type:
            told["by_type"] = {
                name: {
                    "resources": self.counts[name],
                    "bytes": self.sizes[name],
                    **{each: round(rate) for each, rate in rates.items()},
                    "mb_per_s": {each: round(self.mb_per_s(name, each), 1) for each in rates},
                }
                for name, rates in self.by_type.items()
            }
        return told


def synthea_texts(resources: int) -> Iterator[bytes]:
    """The entries of real bundles, at least as many as asked for. Raises CommandStopped where there is no data."""
    chosen = portions(real_bundles(), ["file"], resources)["file"]
    return (text for document in chosen for text in entries_of(document.body))


def texts_of(paths: Iterable[str], *, whole: bool) -> Iterator[bytes]:
    """The resources of files, folders and archives; the entries of a Bundle one by one unless they are wanted `whole`."""
    for path in paths:
        for text in texts(places_of(path), lambda _: None):
            if not text.problem:
                yield from [text.body] if whole else entries_of(text.body)


def entries_of(body: bytes) -> Iterator[bytes]:
    """The text itself or, of a Bundle, those of its resources; nothing of what is no JSON object."""
    try:
        resource = json.decode_object(body)
    except InputError:
        return
    entries = resource.get("entry")
    if resource.get("resourceType") != "Bundle" or not isinstance(entries, list):
        yield body
        return
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield json.encode(entry["resource"]).encode()


def measure(bodies: Iterable[bytes], rounds: int) -> Rates:
    """The median rates of some rounds over the same texts."""
    groups, skipped = _grouped(bodies)
    validator = R4Validator(best_practice=False)  # as the doors have it
    contestants: dict[str, Callable[[bytes], object]] = {
        OURS: validator.validate_text,
        RIVAL: _fhir_resources,
        LIMIT: orjson.loads,
    }
    seconds: dict[tuple[str, str], list[float]] = {}
    for round_ in range(rounds + 1):  # the first one fills caches and is not counted
        for group, texts_ in groups.items():
            for name, read in contestants.items():
                taken = _seconds_a_pass(read, texts_)
                if round_:
                    seconds.setdefault((group, name), []).append(taken)
    medians = {key: statistics.median(times) for key, times in seconds.items()}
    count = sum(map(len, groups.values()))
    return Rates(
        total={
            name: count / sum(medians[group, name] for group in groups) if count else 0.0 for name in NAMES
        },
        by_type={
            group: {name: len(groups[group]) / medians[group, name] for name in NAMES} for group in groups
        },
        counts={group: len(texts_) for group, texts_ in groups.items()},
        sizes={group: sum(map(len, texts_)) for group, texts_ in groups.items()},
        skipped=skipped,
    )


def _grouped(bodies: Iterable[bytes]) -> tuple[Texts, int]:
    groups: dict[str, list[bytes]] = {}
    skipped = 0
    for body in bodies:
        name = str(json.decode_object(body).get("resourceType"))
        if _model(name) is None:
            skipped += 1
        else:
            groups.setdefault(name, []).append(body)
    return dict(sorted(groups.items(), key=lambda each: -len(each[1]))), skipped


def _seconds_a_pass(read: Callable[[bytes], object], bodies: Sequence[bytes]) -> float:
    passes = max(1, _FEWEST_A_ROUND // len(bodies))
    gc.collect()
    started = time.process_time()
    for _ in range(passes):
        for body in bodies:
            read(body)
    return (time.process_time() - started) / passes


@cache
def _model(name: str) -> Any:
    from fhir.resources.R4B import get_fhir_model_class

    try:
        return get_fhir_model_class(name)
    except (KeyError, LookupError, ValueError):
        return None


def _fhir_resources(body: bytes) -> object:
    resource = orjson.loads(body)
    try:
        return _model(resource["resourceType"]).model_validate(resource)
    except ValueError:  # refused, which is an answer too
        return None
