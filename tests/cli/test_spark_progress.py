"""What a Spark run says: a line for each table while it works, and a table at the end that is read whole."""

from __future__ import annotations

import json

import pytest

from local.spark_progress import JobProgress

LONG = "curated/population-health/encounters-per-condition-and-age-group"


def test_a_log_has_the_names_and_numbers_of_all_tables_whole(capsys: pytest.CaptureFixture[str]) -> None:
    progress = JobProgress()
    progress.take(
        json.dumps({"event": "started", "job": "gold", "number": 1, "of": 1, "does": "the measures"})
    )
    written = {"event": "written", "job": "gold", "rows": 1_234, "total": 5_678_901, "seconds": 12.34}
    progress.take(json.dumps({**written, "table": LONG, "notes": ["a note"]}))
    progress.take("what is no event is passed on [as it is]")
    progress.close()
    told = capsys.readouterr().out
    assert told.splitlines()[0] == "[1/1] gold: the measures"
    assert "        a note" in told
    assert "what is no event is passed on [as it is]" in told
    assert told.splitlines()[-1].split() == [LONG, "1,234", "5,678,901", "12.3"]


def test_continuous_passes_are_told_one_by_one_without_a_table_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = JobProgress()
    written = {"event": "table", "job": "gold", "table": LONG, "rows": 1, "total": 2, "seconds": 0.5}
    progress.take(json.dumps({**written, "notes": []}))
    progress.take(json.dumps({"event": "current"}))
    progress.close()
    assert capsys.readouterr().out.splitlines() == [
        f"      {LONG}: 1 written in 0.5 s",
        "up to date; waiting for files (Ctrl-C ends)",
    ]
