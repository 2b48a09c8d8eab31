"""What each layer is expected to be: data, from which Great Expectations' suites are made.

A critical expectation that fails stops promotion to the next layer. The others are counted and shown.
https://greatexpectations.io/expectations/ names the expectations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.names import TABLES
from spark.gold.registry import GOLD
from spark.schemas.bronze import RESOURCES
from spark.schemas.columns import Derived, Table
from spark.schemas.derived import CLINICAL_EVENTS, PATIENT_360, VERSIONS
from spark.schemas.silver import CONDITIONS, ENCOUNTERS, OBSERVATIONS, PATIENTS, SILVER

_SHARES: Final = ("rate", "low", "high")
_SHARE: Final = "share"
_BOUNDS: Final = ("low", "high")
_RATIOS: Final = ("prr", "ror")
"""Ratios of shares or of odds, which are above one where something is reported often."""
NOT_NULL: Final = "ExpectColumnValuesToNotBeNull"
UNIQUE: Final = "ExpectCompoundColumnsToBeUnique"
GENDERS: Final = ("male", "female", "other", "unknown")
_CLINICAL_STATUS: Final = ("active", "recurrence", "relapse", "inactive", "remission", "resolved")
_ENCOUNTER_STATUS: Final = (
    *("planned", "arrived", "triaged", "in-progress", "onleave"),
    *("finished", "cancelled", "entered-in-error", "unknown"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of one table: `expectation` is the class of Great Expectations, `where` limits the rows."""

    path: str
    expectation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    critical: bool = False
    where: str = ""

    @property
    def column_list(self) -> list[str]:
        """The columns it is about."""
        named = (self.arguments.get(name) for name in ("column", "column_A", "column_B"))
        return [*self.arguments.get("column_list", ()), *(each for each in named if each)]

    @property
    def columns(self) -> str:
        """The same as text."""
        return ", ".join(self.column_list)


def _not_null(path: str, column: str, **more: Any) -> Check:
    return Check(path, NOT_NULL, {"column": column}, **more)


def _in_set(path: str, column: str, values: tuple[str, ...], **more: Any) -> Check:
    arguments = {"column": column, "value_set": list(values)}
    return Check(path, "ExpectColumnValuesToBeInSet", arguments, **more)


def _keyed(table: Table | Derived, key: tuple[str, ...]) -> list[Check]:
    unique = {"column_list": list(key)}
    return [
        *(_not_null(table.path, column, critical=True) for column in key),
        Check(table.path, UNIQUE, unique, critical=True),
    ]


def _silver() -> list[Check]:
    checks = [check for table in SILVER for check in _keyed(table, ("tenant", "id"))]
    for table in SILVER:
        if "patient_id" in {column.name for column in table.columns}:
            missing = {"column": "patient_id", "mostly": 0.99}
            checks.append(Check(table.path, NOT_NULL, missing, where="NOT deleted"))
    for derived in (VERSIONS, CLINICAL_EVENTS, PATIENT_360):
        checks += _keyed(derived, tuple(name for name in derived.key if name != "content_hash"))
    return [
        *checks,
        _in_set(PATIENTS.path, "gender", GENDERS, critical=True),
        _in_set(ENCOUNTERS.path, "status", _ENCOUNTER_STATUS),
        _in_set(CONDITIONS.path, "clinical_status", _CLINICAL_STATUS),
        Check(
            OBSERVATIONS.path,
            "ExpectColumnValuesToBeBetween",
            {"column": "value_canonical", "min_value": 0, "max_value": 400, "mostly": 0.99},
            where="code = '8867-4'",
        ),
        Check(
            OBSERVATIONS.path,
            "ExpectColumnValuesToBeBetween",
            {"column": "value_canonical", "min_value": 20, "max_value": 300, "mostly": 0.99},
            where="code = '8302-2' AND unit_canonical = 'cm'",
        ),
    ]


def _bronze() -> list[Check]:
    path = RESOURCES.path
    return [
        *(
            _not_null(path, name, critical=True)
            for name in ("tenant", "type", "id", "source_version", "batch")
        ),
        Check(path, "ExpectColumnValuesToMatchRegex", {"column": "type", "regex": "^[A-Z][A-Za-z]+$"}, True),
        _not_null(path, "body", critical=True, where="NOT deleted"),
        _not_null(path, "raw_path", critical=True),
    ]


def _between(path: str, column: str, least: float, most: float | None, **more: Any) -> Check:
    arguments = {"column": column, "min_value": least} | ({} if most is None else {"max_value": most})
    return Check(path, "ExpectColumnValuesToBeBetween", arguments, **more)


def _gold() -> list[Check]:
    """What is true of every measure: keys tell rows apart, counts are none below zero, shares lie between none and all."""
    checks: list[Check] = []
    for each in GOLD:
        table = each.declared
        checks += _keyed(table, table.key) if table.key else []
        names = {column.name for column in table.columns}
        for column in table.columns:
            of, _, what = column.name.rpartition("_")
            if column.name in _SHARES or what == _SHARE or (what in _BOUNDS and f"{of}_{_SHARE}" in names):
                checks.append(_between(table.path, column.name, 0, 1, critical=True))
            elif column.ddl == "BIGINT" or what in _BOUNDS or column.name in _RATIOS:
                checks.append(_between(table.path, column.name, 0, None, critical=True))
    measures = TABLES["gold_quality_measures"]
    pair = {"column_A": "denominator", "column_B": "numerator", "or_equal": True}
    counted = "measure <> 'stay'"
    greater = "ExpectColumnPairValuesAToBeGreaterThanB"
    return [*checks, Check(measures, greater, pair, critical=True, where=counted)]


SUITES: Final[Mapping[str, tuple[Check, ...]]] = {
    "bronze": tuple(_bronze()),
    "silver": tuple(_silver()),
    "gold": tuple(_gold()),
}
"""By layer."""
