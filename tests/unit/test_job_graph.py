"""The job graph as data, and the catalogue made of the declarations."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from local.cli.catalogue import FEATURES, PAGE
from local.cli.commands import COMMANDS
from shared.names import TABLES, Zone
from spark.features.page import page as features
from spark.jobs.graph import JOBS, TRAINING, choices, plan
from spark.schemas.catalogue import classification_of, declared, page
from spark.schemas.silver import ORGANIZATIONS, PATIENTS

needs_pyspark = pytest.mark.skipif(
    find_spec("pyspark") is None, reason="not tested: gold's declarations, which need pyspark"
)


def test_each_job_comes_after_what_it_reads() -> None:
    order = [job.name for job in plan("all")]
    for job in plan("all"):
        assert all(order.index(before) < order.index(job.name) for before in job.after), job.name
    assert [job.name for job in plan("events")] == ["events"]
    assert {job.layer for job in plan("silver")} == {"silver"}


def test_jobs_are_told_apart_and_lead_to_a_module() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert all(find_spec(job.entry.partition(":")[0]) for job in JOBS)


def test_what_trains_models_is_installed_for_the_jobs_that_train_and_no_other() -> None:
    trains = {TRAINING, *(job.name for job in plan(TRAINING))}
    for asked in choices():
        assert ("ml" in COMMANDS["spark"].groups_for([asked, "--full"])) == (asked in trains)


def test_an_unknown_job_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no job lunch"):
        plan("lunch")
    assert {"all", "bronze", "silver"} <= set(choices())


@needs_pyspark
def test_the_page_of_all_tables_is_what_the_declarations_give() -> None:
    assert PAGE.read_text("utf-8") == page(), (
        "docs/tables.md is out of date: run `python3 -m local catalogue`"
    )


def test_the_page_of_all_features_is_what_the_declarations_give() -> None:
    assert FEATURES.read_text("utf-8") == features(), (
        "docs/features.md is out of date: run `python3 -m local catalogue`"
    )


@needs_pyspark
def test_no_table_lies_below_another() -> None:
    paths = [table.path for table in declared()]
    assert not [(one, other) for one in paths for other in paths if other.startswith(f"{one}/")]


@needs_pyspark
def test_every_table_that_is_no_copy_of_a_source_can_be_asked_by_a_name() -> None:
    paths = [table.path for table in declared() if not table.path.startswith(f"{Zone.BRONZE}/")]
    assert sorted(set(paths) - set(TABLES.values())) == []


def test_a_table_is_as_confidential_as_its_most_confidential_column() -> None:
    assert classification_of(PATIENTS) == "Highly Confidential"
    assert min(len(column.comment) for column in ORGANIZATIONS.columns) > 5
