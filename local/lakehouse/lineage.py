"""The way from a row of any table back to the bytes that arrived: gold row, silver rows, bronze rows, raw lines.

A gold table's commit says which version of each input it was made of; those versions are read, where VACUUM left them.
What is shown of a row is where it is, never what it says, unless that is asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
from deltalake.exceptions import DeltaError

from local.exits import FINDING, USAGE, CommandStopped
from local.lakehouse import lineage_rules as rules
from local.lakehouse.query import plain
from local.lakehouse.raw_lines import RawPlace, find_line
from local.lakehouse.tables import LakeTable, tables_of
from shared.domain.fhir import json
from spark.schemas.silver import SILVER
from spark.transforms.age_groups import LOWER_BOUNDS_YEARS, UNKNOWN

_SHOWN: Final = ("tenant", "version", "batch", "landed_at")
"""Columns that say how the platform came to a row, and nothing of a person."""
_PARAMETER: Final = re.compile(r"\$(\w+)")
_WORD: Final = re.compile(r"\w+")
_TYPES: Final = {f"silver_{table.name}": table.type for table in SILVER}
_COMMITS_READ: Final = 50


@dataclass(slots=True)
class Row:
    """A row of a table; `name` is a hash of the whole row, so that it can be spoken of."""

    name: str
    columns: dict[str, Any]
    made_of: list[Step] = field(default_factory=list)
    raw: RawPlace | None = None

    @property
    def is_lost(self) -> bool:
        """Whether nothing of what it was made of is there."""
        return self.raw is None and not any(step.total for step in self.made_of)


@dataclass(slots=True)
class Step:
    """Rows of one table at one version: how many there are, and those that were followed."""

    table: str
    path: str
    version: int
    total: int
    rows: list[Row]


class Lineage:
    """Follows rows through one lake; at most `limit` rows of each table at each step."""

    def __init__(self, lake: Path, *, limit: int, values: bool) -> None:
        self._lake = lake
        self._limit = limit
        self._values = values
        self._tables = {table.name: table for table in tables_of(lake)}
        self._opened: dict[str, int] = {}
        self._connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
        self._connection.execute("SET TimeZone = 'UTC'")
        for macro in _macros():
            self._connection.execute(macro)

    def of(self, name: str, key: Mapping[str, str]) -> Step:
        """The way of the rows with these columns. Raises CommandStopped: no such table or column, no row, no way known."""
        table = self._table(name)
        columns = self._register(name, None)
        conditions, parameters = ["true"], dict[str, Any]()
        for number, (column, value) in enumerate(_meant(key, columns, name).items()):
            conditions.append(f"CAST(i.{_quoted(column)} AS VARCHAR) = $k{number}")
            parameters[f"k{number}"] = value
        step = self._select(table, " AND ".join(conditions), parameters)
        if not step.total:
            raise CommandStopped(f"{name} has no row with this key", FINDING)
        return self._followed(step)

    def _followed(self, step: Step) -> Step:
        pinned = self._inputs(self._tables[step.table], step.version)
        for row in step.rows:
            whole, row.columns = row.columns, self._shown(row.columns)
            self._follow(step.table, row, whole, pinned)
        return step

    def _follow(self, name: str, row: Row, whole: dict[str, Any], pinned: Mapping[str, int]) -> None:
        if whole.get("suppressed"):
            raise CommandStopped(
                f"so few people are behind this row of {name} that it is hidden: its way is not shown",
                FINDING,
            )
        if name in rules.RAW:
            row.raw = find_line(self._lake, whole)
            return
        found: dict[str, list[dict[str, Any]]] = {}
        for rule in _rules_of(name):
            step = self._apply(rule, whole, found, pinned)
            if step is not None:
                row.made_of.append(self._followed(step))
        if name in _TYPES and not any(step.total for step in row.made_of):
            # The silver tables that are made without Java skip bronze; their rows name the raw line as well.
            row.made_of.clear()
            row.raw = find_line(self._lake, {"type": _TYPES[name], **whole})

    def _apply(
        self,
        rule: rules.Rule,
        row: Mapping[str, Any],
        found: dict[str, list[dict[str, Any]]],
        pinned: Mapping[str, int],
    ) -> Step | None:
        if rule.table not in self._tables:
            return None
        columns = self._register(rule.table, pinned.get(rule.table))
        for other in set(_WORD.findall(rule.also)) & self._tables.keys():
            self._register(other, pinned.get(other))
        conditions, parameters = self._conditions(rule, row, found)
        if "tenant" in columns and "tenant" in row:
            conditions.append("i.tenant = $tenant")
            parameters["tenant"] = row["tenant"]
        if "deleted" in columns and rule.table.startswith("silver_"):
            conditions.append("NOT i.deleted")
        order = f" ORDER BY {rule.newest}" if rule.newest else ""
        step = self._select(self._tables[rule.table], " AND ".join(conditions), parameters, order)
        if rule.newest and step.rows:
            step.rows, step.total = step.rows[:1], 1
        found[rule.table] = self._all(rule.table, " AND ".join(conditions), parameters, rule)
        return step

    def _conditions(
        self, rule: rules.Rule, row: Mapping[str, Any], found: Mapping[str, list[dict[str, Any]]]
    ) -> tuple[list[str], dict[str, Any]]:
        conditions, parameters = ["true"], dict[str, Any]()
        for number, (expression, column) in enumerate(rule.where.items()):
            qualified = expression if "i." in expression or "(" in expression else f"i.{expression}"
            parameters[f"w{number}"] = row[column]
            absent = f" OR ($w{number}::VARCHAR = '{UNKNOWN}' AND {qualified} IS NULL)"
            text = isinstance(row[column], str)
            conditions.append(f"({qualified} IS NOT DISTINCT FROM $w{number}{absent if text else ''})")
        for number, (column, (table, other)) in enumerate(rule.among.items()):
            parameters[f"a{number}"] = [each[other] for each in found.get(table, []) if each.get(other)]
            conditions.append(f"list_contains($a{number}::VARCHAR[], i.{_quoted(column)})")
        if rule.also:
            conditions.append(f"({rule.also})")
            parameters |= {name: row[name] for name in _PARAMETER.findall(rule.also)}
        return conditions, parameters

    def _select(self, table: LakeTable, where: str, parameters: dict[str, Any], order: str = "") -> Step:
        source = f"FROM {_quoted(table.name)} i WHERE {where}"
        total = int(self._ask(f"SELECT count(*) AS n {source}", parameters)[0]["n"])
        order = order or " ORDER BY ALL"
        found = self._ask(f"SELECT * {source}{order} LIMIT {self._limit}", parameters)
        rows = [Row(_named(each), each) for each in found]
        return Step(table.name, table.path, self._opened[table.name], total, rows)

    def _all(
        self, table: str, where: str, parameters: dict[str, Any], rule: rules.Rule
    ) -> list[dict[str, Any]]:
        """The columns of every row found that later rules select by."""
        wanted = _LINKS & self._columns(table)
        if not wanted or rule.newest:
            return []
        names = ", ".join(f"i.{_quoted(name)}" for name in sorted(wanted))
        return self._ask(f"SELECT DISTINCT {names} FROM {_quoted(table)} i WHERE {where}", parameters)

    def _ask(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        used = {name: parameters[name] for name in set(_PARAMETER.findall(sql))}
        try:
            cursor = self._connection.execute(sql, used)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except (duckdb.Error, DeltaError, OSError) as failure:
            # The text of an engine's error may quote values.
            raise CommandStopped(
                f"the tables cannot be read: {type(failure).__name__}: `python3 -m local query` lists them",
                USAGE,
            ) from None

    def _table(self, name: str) -> LakeTable:
        if name not in self._tables:
            raise CommandStopped(
                f"there is no table {name} in this lake: `python3 -m local query` lists them", USAGE
            )
        if name not in rules.RAW and not _rules_of(name):
            raise CommandStopped(f"rows of {name} are made of no single rows: they have no lineage", USAGE)
        return self._tables[name]

    def _register(self, name: str, version: int | None) -> set[str]:
        """The table at a version under its name; as it is now where that version is no longer there. Its columns."""
        table = self._tables[name]
        opened = None
        if version is not None and self._opened.get(name) != version:
            try:
                opened = table.opened(version)
                dataset = opened.to_pyarrow_dataset()
            except (CommandStopped, DeltaError, OSError):
                opened = None
        if opened is None and (name not in self._opened or version is None):
            opened = table.opened()
            dataset = opened.to_pyarrow_dataset()
        if opened is not None:
            self._connection.register(name, dataset)
            self._opened[name] = opened.version()
        return self._columns(name)

    def _columns(self, name: str) -> set[str]:
        return {row["column_name"] for row in self._ask(f"DESCRIBE {_quoted(name)}", {})}

    @staticmethod
    def _inputs(table: LakeTable, version: int) -> dict[str, int]:
        """The versions of the inputs that the table's newest commit up to a version was made of."""
        for commit in table.opened(version).history(_COMMITS_READ):
            said = json.decode_object(commit["userMetadata"]) if commit.get("userMetadata") else {}
            if isinstance(said.get("inputs"), dict):
                return {
                    f"{layer}_{name}": int(about["version"])
                    for name, about in said["inputs"].items()
                    for layer in ("bronze", "silver", "gold")
                }
        return {}

    def _shown(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        names = columns if self._values else [name for name in _SHOWN if name in columns]
        return {name: _text(columns[name]) for name in names}


def is_sound(step: Step) -> bool:
    """Whether every way that was followed ends at the bytes that arrived."""
    return all(
        not row.is_lost and (row.raw is None or row.raw.is_sound) and all(map(is_sound, row.made_of))
        for row in step.rows
    )


def _rules_of(name: str) -> tuple[rules.Rule, ...]:
    if name in _TYPES:
        columns = ("id", "version", "raw_path")
        return (rules.Rule("bronze_resources", {f"i.{each}": each for each in columns}),)
    return rules.GOLD.get(name) or rules.SILVER.get(name) or ()


_LINKS: Final = {other for each in rules.GOLD.values() for rule in each for _, other in rule.among.values()}


def _meant(key: Mapping[str, str], columns: set[str], table: str) -> dict[str, str]:
    """The key by its columns; a bare value is that of the column by which one speaks of a row of this table."""
    unknown = [column for column in key if column and column not in columns]
    if unknown:
        raise CommandStopped(
            f"{table} has no column {unknown[0]}: it has {', '.join(sorted(columns))}", USAGE
        )
    named = dict(key)
    if "" in named:
        usual = [name for name in ("safetyreportid", "report_id", "id", "patient_id") if name in columns]
        if not usual:
            raise CommandStopped(f"name the columns of a row of {table}, as column=value", USAGE)
        named[usual[0]] = named.pop("")
    return named


def _macros() -> tuple[str, str]:
    cases = " ".join(f"WHEN years >= {lower} THEN '{label}'" for lower, label in LOWER_BOUNDS_YEARS)
    not_yet = "strftime(CAST(day AS DATE), '%m%d') < strftime(birth_on, '%m%d')"
    return (
        f"CREATE MACRO age_group(years) AS CASE {cases} ELSE '{UNKNOWN}' END",
        f"CREATE MACRO age_at(birth_on, day) AS year(day) - year(birth_on) - CASE WHEN {not_yet} THEN 1 ELSE 0 END",
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _named(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:12]


def _text(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return plain(value)
