"""The catalogue: every declared table with its columns, comments and classification, as a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.names import RawZone
from spark.schemas.bronze import BRONZE, lines_of
from spark.schemas.columns import Classification, Column, Derived, Table
from spark.schemas.derived import DERIVED
from spark.schemas.silver import SILVER
from spark.schemas.synthea_csv import DECLARED as SYNTHEA_CSV

_HEAD: Final = """# Tables

Made by `python3 -m local catalogue` from the declarations in `spark/schemas` and `spark/gold`; a test holds the two
together. Each table and column has its comment in Delta too. A table is as confidential as its most confidential column.

| classification | meaning |
|---|---|
| Highly Confidential | names or locates one person, or could |
| Confidential | says something about one person, without naming them |
| Internal | how the platform came to the row |
| Public | known to anybody |
"""
_SEVERITY: Final = list(Classification)


def declared() -> Iterator[Table | Derived]:
    """Every table whose columns are declared, layer by layer. Gold is declared beside its code, which needs pyspark."""
    from spark.features.model_watch import WATCH
    from spark.features.predictions import PREDICTIONS
    from spark.features.store import AT_DISCHARGES, STORE
    from spark.gold.registry import GOLD
    from spark.gold.safety_reports import REPORTS
    from spark.jobs.freshness import FRESHNESS

    yield from BRONZE
    yield lines_of(RawZone.VITAL_SIGNS)
    yield lines_of(RawZone.SAFETY_REPORTS)
    yield from SYNTHEA_CSV.values()
    yield from SILVER
    yield from DERIVED
    yield FRESHNESS
    yield REPORTS
    yield from (table.declared for table in GOLD)
    yield STORE
    yield AT_DISCHARGES
    yield PREDICTIONS
    yield WATCH


def classification_of(table: Table | Derived) -> str:
    """That of the most confidential column."""
    return str(min((column.classification for column in table.columns), key=_SEVERITY.index))


def page() -> str:
    """The catalogue in Markdown."""
    return "\n".join([_HEAD, *(_section(table) for table in declared())])


def _section(table: Table | Derived) -> str:
    key = table.key if isinstance(table, Derived) else ("tenant", "id")
    lines = [
        f"## `{table.path}`",
        "",
        f"{table.comment}. {classification_of(table)}. Key: {', '.join(key)}.",
        "",
        "| column | type | classification | meaning |",
        "|---|---|---|---|",
        *(_row(column) for column in table.columns),
        "",
    ]
    return "\n".join(lines)


def _row(column: Column) -> str:
    return (
        f"| `{column.name}` | `{column.ddl}` | {column.classification} | {column.comment.replace('|', '/')} |"
    )
