"""The report: charts that say their unit and show their interval, and a page from tables on disk."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from local.report.charts import Bar, Line, bars, lines, number, table
from local.report.page import page
from local.report.sections import SECTIONS
from local.report.tables import Gold
from shared.names import TABLES

SVG = "{http://www.w3.org/2000/svg}"


def drawn(chart: str) -> ElementTree.Element:
    return ElementTree.fromstring(chart.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def test_a_bar_is_as_long_as_its_value_and_its_whisker_spans_the_interval() -> None:
    chart = drawn(bars([Bar("one", 10.0, 5.0, 20.0), Bar("two & more", 20.0)], "% of patients"))
    first, second = (float(each.attrib["width"]) for each in chart.iter(f"{SVG}rect"))
    assert second == pytest.approx(2 * first)
    words = [each.text for each in chart.iter(f"{SVG}text")]
    assert "% of patients" in words
    assert "two & more" in words
    assert len(list(chart.iter(f"{SVG}path"))) == 1


def test_a_marked_point_has_a_diamond_on_its_line() -> None:
    chart = drawn(lines([Line("cases", [(0, 1), (1, 4)], [(1, 4)])], [(0, "Jan"), (1, "Feb")], "cases a day"))
    assert len(list(chart.iter(f"{SVG}path"))) == 1
    assert "cases a day" in [each.text for each in chart.iter(f"{SVG}text")]


def test_no_rows_are_said_in_words() -> None:
    assert "Nothing to show" in bars([], "days")
    assert "Nothing to show" in lines([], [], "days")


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (0.0, "0"), (1234.5, "1,234"), (3.14159, "3.14"), (0.00123, "0.00123")]
)
def test_numbers_have_the_figures_that_say_something(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_a_table_escapes_what_it_shows() -> None:
    assert "<td>&lt;b&gt;</td>" in table(("name",), [("<b>",)])


def test_the_page_loads_nothing_and_has_a_section_for_each_project(tmp_path: Path) -> None:
    text = page(Gold(tmp_path, "default"), "A test.")
    assert [each for each in SECTIONS if f'id="{each.name}"' not in text] == []
    assert "src=" not in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.skipif(
    importlib.util.find_spec("deltalake") is None, reason="not tested: needs the group `lake`"
)
def test_the_page_shows_one_tenants_rows_alone(tmp_path: Path) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    rows = [
        {"tenant": tenant, "month": date(2020, 1, 1), "reports": count, "overdoses": 1}
        for tenant, count in (("default", 41), ("other", 9773))
    ]
    write_deltalake(str(tmp_path / TABLES["gold_overdose_trend"]), pa.Table.from_pylist(rows))
    gold = Gold(tmp_path, "default")
    assert gold.exists
    text = page(gold, "A test.")
    assert '<td class="n">41</td>' in text
    assert "9,773" not in text
