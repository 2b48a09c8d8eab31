"""The second road's demographics: prevalence and means by stratum, small cells hidden."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from statistics import fmean, stdev

from tests.spark.second_road import Rows, Sample, at, coding, group_of, ref, score_interval


def prevalence(sample: Sample) -> Rows:
    living = [each for each in sample.patients if sample.died(each) is None]
    having: dict[str, set[str]] = defaultdict(set)
    for each in sample.all("Condition"):
        patient = str(ref(each["subject"]))
        if "abatementDateTime" not in each and patient in living:
            having[coding(each["code"])["code"]].add(patient)
    strata: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for patient in living:
        for dimension, stratum in _strata(sample, patient).items():
            strata[dimension][stratum].add(patient)
    rows: Rows = []
    for code, cases in having.items():
        for dimension, groups in strata.items():
            few = hidden_cells({name: len(people) for name, people in groups.items()})
            counts = {name: len(cases & people) for name, people in groups.items()}
            small = hidden_cells(counts, few)
            for name, people in groups.items():
                shown = (
                    (None,) * 4
                    if name in small
                    else (counts[name], *score_interval(counts[name], len(people)))
                )
                rows.append(
                    (code, dimension, name, None if name in few else len(people), name in small, *shown)
                )
    return rows


def hidden_cells(counts: dict[str, int], also: Iterable[str] = ()) -> set[str]:
    """Cells of 1 to 4, and the next smallest with one that would stand alone: zeros and hidden ones last."""
    hidden = {name for name, count in counts.items() if 0 < count < 5} | set(also)
    if len(hidden) != 1 and not 0 < sum(counts[name] for name in hidden) < 5:
        return hidden
    return hidden | {min(counts, key=lambda name: (name in hidden or counts[name] == 0, counts[name], name))}


def _strata(sample: Sample, patient: str) -> dict[str, str]:
    resource = sample.patients[patient]
    found = {
        "all": "all",
        "gender": resource.get("gender", "unknown"),
        "race": "unknown",
        "ethnicity": "unknown",
    }
    for extension in resource.get("extension", []):
        for name in ("race", "ethnicity"):
            if extension["url"].endswith(f"us-core-{name}"):
                words = [each["valueString"] for each in extension["extension"] if each["url"] == "text"]
                coded = [
                    each["valueCoding"]["display"] for each in extension["extension"] if "valueCoding" in each
                ]
                found[name] = (coded or words or ["unknown"])[0]
    return found | {"age_group": group_of(sample.born(patient), sample.as_of)}


def means(sample: Sample) -> Rows:
    newest: dict[tuple[str, str], tuple[datetime, float]] = {}
    for each in sample.all("Observation"):
        code, patient = coding(each["code"])["code"], str(ref(each["subject"]))
        if code in ("39156-5", "2093-3") and sample.died(patient) is None:
            when = at(each["effectiveDateTime"])
            assert when is not None
            value = (when, float(each["valueQuantity"]["value"]))
            newest[patient, code] = max(newest.get((patient, code), value), value)
    groups: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for (patient, code), (_, value) in newest.items():
        for dimension, stratum in _strata(sample, patient).items():
            groups[code, dimension, stratum].append(value)
    sizes: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for (code, dimension, stratum), values in groups.items():
        sizes[code, dimension][stratum] = len(values)
    small = {key: hidden_cells(counts) for key, counts in sizes.items()}
    return [
        (*key, *((None,) * 3 if key[2] in small[key[:2]] else (len(each), fmean(each), stdev(each))))
        for key, each in groups.items()
    ]
