"""Whether rows of a table in a folder certainly meet its expectations, asked of DuckDB: one query for all of them.

Great Expectations takes some milliseconds to plan each expectation, which for a few new rows is all the work. What passes
here passes there; whatever does not is left to it, which judges tables whole. So each condition below is as strict as its
expectation or stricter: NaN is no value, and `mostly` means all rows.
"""

# ruff: noqa: S608 - names and conditions are those of our own suites, and quoted
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from spark.quality.runner import Finding
from spark.quality.suites import NOT_NULL, UNIQUE, Check

_NEW: Final = "new_rows"
_OLD: Final = "old_rows"


def screened(
    connection: Any, dataset: Any, files: frozenset[str], checks: Sequence[Check]
) -> list[Finding] | None:
    """That every check is met by the rows of these files of a dataset of pyarrow; None where one may not be.

    `connection` is one of DuckDB's, and files that the dataset has not are not known to be met either.

    Where keys are to be unique, rows elsewhere in the table that have a key of theirs count too.
    """
    from pyarrow.dataset import FileSystemDataset

    parts: dict[bool, list[Any]] = {True: [], False: []}
    for fragment in dataset.get_fragments():
        parts[fragment.path in files].append(fragment)
    if len(parts[True]) != len(files) or any(each.expectation not in _KNOWN for each in checks):
        return None
    for name, is_new in ((_NEW, True), (_OLD, False)):
        if is_new or parts[is_new]:  # of a table that was written whole none is old
            rows = FileSystemDataset(parts[is_new], dataset.schema, dataset.format, dataset.filesystem)
            connection.register(name, rows)
    wheres = list(dict.fromkeys(check.where for check in checks))
    asked = [f"count(*){_only(where)}" for where in wheres]
    asked += [
        f"count_if(NOT coalesce({_MET[each.expectation](each)}, false)){_only(each.where)}"
        for each in checks
        if each.expectation in _MET
    ]
    unique = [each for each in checks if each.expectation == UNIQUE]
    asked += [_twice(each) for each in unique]
    asked += [_also_old(each) for each in unique if parts[False]]
    (found,) = connection.execute(f"SELECT {', '.join(asked)} FROM {_NEW}").fetchall()
    if any(found[len(wheres) :]):
        return None
    rows_of = dict(zip(wheres, found, strict=False))
    return [Finding(each, True, rows_of[each.where], 0) for each in checks]


def _only(where: str) -> str:
    """That an aggregate is over the rows for which `where` holds, empty for all."""
    return f" FILTER (WHERE {where})" if where else ""


def _twice(check: Check) -> str:
    """How many new rows have a key of another one."""
    key, only = ", ".join(map(_quoted, check.column_list)), _only(check.where)
    return f"count(*){only} - count(DISTINCT row({key})){only}"


def _also_old(check: Check) -> str:
    """How many old rows have a key of a new one."""
    key, also = ", ".join(map(_quoted, check.column_list)), f" WHERE {check.where}" if check.where else ""
    new, old = (f"(SELECT {key} FROM {rows}{also})" for rows in (_NEW, _OLD))
    return f"(SELECT count(*) FROM {old} SEMI JOIN {new} USING ({key}))"


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
_KNOWN: Final = frozenset((*_MET, UNIQUE))
