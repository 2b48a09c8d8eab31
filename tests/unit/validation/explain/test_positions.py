"""Source lines of expressions."""

from __future__ import annotations

import time
import tracemalloc

from shared.domain.fhir.validation.positions import lines_of

TEXT = """{
  "resourceType": "Patient",
  "name": [
    {"family": "A \\"quoted\\" { one"},
    {
      "given": [
        "x",
        null
      ],
      "_given": [null, {"extension": [
        {"url": "u"}
      ]}]
    }
  ],
  "deceasedBoolean": "no",
  "contained": [{"resourceType": "Organization",
    "name": 1}]
}
"""


def test_finds_the_line_where_an_element_begins() -> None:
    expressions = {
        "Patient": 1,
        "Patient.name": 3,
        "Patient.name[0].family": 4,
        "Patient.name[1]": 5,
        "Patient.name[1].given[1]": 10,
        "Patient.name[1].given[1].extension[0].url": 11,
        "Patient.deceased.ofType(boolean)": 15,
        "Patient.contained[0].name": 17,
    }
    assert lines_of(TEXT, expressions) == expressions


def test_falls_back_to_the_nearest_element_that_the_text_has() -> None:
    assert lines_of(TEXT.encode(), ["Patient.name[0].use", "Patient.gender"]) == {
        "Patient.name[0].use": 4,
        "Patient.gender": 1,
    }


def test_lines_end_as_they_do_anywhere_and_a_byte_order_mark_counts_for_nothing() -> None:
    text = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    assert lines_of(text, ["Patient.contained[0].name"]) == {"Patient.contained[0].name": 17}


def test_takes_time_linear_in_the_text() -> None:
    text = '{"resourceType": "Patient", "name": [' + ",\n".join(['{"family": "x"}'] * 100_000) + "]}"
    began = time.process_time()
    assert lines_of(text, ["Patient.name[99999].family"]) == {"Patient.name[99999].family": 100_000}
    assert lines_of('{"a": "' + '\\"' * 200_000, ["Patient.a"]) == {"Patient.a": 1}
    assert time.process_time() - began < 10


def test_takes_memory_of_the_order_of_the_text() -> None:
    text = '{"resourceType": "Patient", "name": [{"family": "' + "x" * 1_000_000 + "\\n" * 1_000_000 + '"}]}'
    tracemalloc.start()
    try:
        assert lines_of(text, ["Patient.name[0].family"]) == {"Patient.name[0].family": 1}
        assert tracemalloc.get_traced_memory()[1] < 10 * len(text)
    finally:
        tracemalloc.stop()


def test_what_is_passed_over_may_hold_brackets_in_its_strings() -> None:
    text = b'{\n"a": {"x": ["}]\\"{", [1, {}]]},\n"b": [{"c": "[{"},\n{"c": 2}],\n"d": true}'
    assert lines_of(text, ["T.b[1].c", "T.d"]) == {"T.b[1].c": 4, "T.d": 5}
