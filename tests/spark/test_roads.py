"""Expectations before promotion: what fails is counted, what is critical stops the run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.names import EXPECTATIONS_UNMET, QUALITY_RESULTS, TABLES
from tests.spark.conftest import RawLake
from tests.spark.test_jobs import PATIENT, Jobs

pytestmark = [pytest.mark.timeout(1200), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.mark.filterwarnings("ignore")  # of the packages that Great Expectations brings
def test_a_critical_expectation_that_fails_stops_promotion_and_names_the_rows(
    jobs: Jobs, raw: RawLake
) -> None:
    from deltalake import DeltaTable, write_deltalake

    pytest.importorskip("great_expectations", reason="not tested: expectations, which need the quality group")
    from spark.jobs import quality
    from spark.jobs.stops import PromotionStopped
    from spark.quality.suites import Check

    raw.stream(PATIENT, PATIENT | {"id": "p2"})
    jobs.silver("silver_patients")
    path = TABLES["silver_patients"]
    uri = raw.root / path
    known = {"column": "gender", "value_set": ["male"]}
    checks = {
        "silver": (
            Check(path, "ExpectColumnValuesToNotBeNull", {"column": "id"}, critical=True),
            Check(path, "ExpectColumnValuesToBeInSet", known),
        )
    }
    (report,) = quality.run(jobs.context, "silver", checks)
    assert report.notes == (f"warning: {path} ExpectColumnValuesToBeInSet(gender): 2 of 2 rows",)
    folder = DeltaTable(uri)
    write_deltalake(folder, folder.to_pyarrow_table().slice(0, 1), mode="append")
    unique = Check(path, "ExpectCompoundColumnsToBeUnique", {"column_list": ["tenant", "id"]}, critical=True)
    with pytest.raises(PromotionStopped, match="P2"):
        list(quality.run(jobs.context, "silver", {"silver": (unique,)}))
    assert [row["success"] for row in jobs.rows("silver_quality_results")].count(False) == 2
    (newest,) = DeltaTable(raw.root / QUALITY_RESULTS).history(1)
    assert json.loads(newest["userMetadata"])[EXPECTATIONS_UNMET] == {"silver": 1}
    assert {row["layer"] for row in jobs.rows("quarantine_set_aside")} == {"silver"}


@pytest.fixture
def jobs(spark: Any, raw: Any) -> Jobs:
    return Jobs(spark, raw.root)
