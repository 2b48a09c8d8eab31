"""Whether rows of a table in a folder certainly meet its expectations, asked of DuckDB: one query for all of them.

Great Expectations takes some milliseconds to plan each expectation, which for a few new rows is all the work. What passes
here passes there; whatever does not is left to it, which judges tables whole. So each condition below is as strict as its
expectation or stricter: NaN is no value, and `mostly` means all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from spark.quality.runner import Finding
from spark.quality.suites import NOT_NULL, UNIQUE, Check


def screened(
    connection: Any, dataset: Any, files: frozenset[str], checks: Sequence[Check]
) -> list[Finding] | None:
    """That every check is met by the rows of these files of a dataset of pyarrow; None where one may not be.

    `connection` is one of DuckDB's.

    Where keys are to be unique, rows elsewhere in the table that have a key of theirs count too.
    """
    from pyarrow.dataset import FileSystemDataset

    parts: dict[bool, list[Any]] = {True: [], False: []}
    for fragment in dataset.get_fragments():
        parts[fragment.path in files].append(fragment)
    format_, system = dataset.format, dataset.filesystem
    some = {
        is_new: FileSystemDataset(each, dataset.schema, format_, system) for is_new, each in parts.items()
    }
    findings: list[Finding] = []
    for where in dict.fromkeys(check.where for check in checks):
        chosen = [check for check in checks if check.where == where]
        new, old = (
            rows.filter(where) if where else rows
            for rows in (connection.from_arrow(some[True]), connection.from_arrow(some[False]))
        )
        found = _judged(new, old, chosen)
        if found is None:
            return None
        findings += found
    return findings


def _judged(new: Any, old: Any, checks: Sequence[Check]) -> list[Finding] | None:
    met = [_MET[each.expectation](each) for each in checks if each.expectation in _MET]
    unknown = {each.expectation for each in checks} - {*_MET, UNIQUE}
    counts = (f"count_if(NOT coalesce({each}, false))" for each in met)
    ((rows, *unmet),) = new.aggregate(", ".join(("count(*)", *counts))).fetchall()
    if (
        unknown
        or any(unmet)
        or any(_twice(new, old, rows, each.column_list) for each in checks if each.expectation == UNIQUE)
    ):
        return None
    return [Finding(each, True, rows, 0) for each in checks]


def _twice(new: Any, old: Any, rows: int, key: Sequence[str]) -> bool:
    """Whether a key stands twice among the new rows, of which there are so many, or in an old one too."""
    columns = ", ".join(map(_quoted, key))
    distinct = new.project(columns).distinct()
    same = " AND ".join(f"old.{_quoted(name)} = new.{_quoted(name)}" for name in key)
    again = old.project(columns).set_alias("old").join(distinct.set_alias("new"), same, how="semi")
    return bool(_count(distinct) != rows or _count(again))


def _count(rows: Any) -> int:
    return int(rows.aggregate("count(*)").fetchall()[0][0])


def _quoted(name: str) -> str:
    return f'"{name}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _column(check: Check) -> str:
    return _quoted(check.arguments["column"])


def _number(value: float) -> str:
    return f"CAST({value!r} AS DOUBLE)"


def _is_value(check: Check) -> str:
    """A cast to text tells NaN from a number, and does no harm to what is none."""
    return f"{_column(check)} IS NOT NULL AND lower(CAST({_column(check)} AS VARCHAR)) <> 'nan'"


def _in_set(check: Check) -> str:
    values = ", ".join(map(_text, check.arguments["value_set"]))
    return f"{_column(check)} IS NULL OR {_column(check)} IN ({values})"


def _matches(check: Check) -> str:
    return (
        f"{_column(check)} IS NULL OR regexp_full_match({_column(check)}, {_text(check.arguments['regex'])})"
    )


def _between(check: Check) -> str:
    least, most = (check.arguments.get(name) for name in ("min_value", "max_value"))
    value = f"CAST({_column(check)} AS DOUBLE)"
    bounds = [f"{value} >= {_number(least)}"] if least is not None else []
    bounds += [f"{value} <= {_number(most)}"] if most is not None else []
    return f"{_column(check)} IS NULL OR ({' AND '.join(['NOT isnan(' + value + ')', *bounds])})"


def _pair(check: Check) -> str:
    first, second = (_quoted(check.arguments[name]) for name in ("column_A", "column_B"))
    return f"{first} {'>=' if check.arguments.get('or_equal') else '>'} {second}"


_MET: Final[dict[str, Callable[[Check], str]]] = {
    NOT_NULL: _is_value,
    "ExpectColumnValuesToBeInSet": _in_set,
    "ExpectColumnValuesToMatchRegex": _matches,
    "ExpectColumnValuesToBeBetween": _between,
    "ExpectColumnPairValuesAToBeGreaterThanB": _pair,
}
"""By expectation the condition, in SQL, that a row meets."""
