"""Bodies that are cheap to send and dear to read are refused before anything is built."""

from __future__ import annotations

import time

import pytest

from shared.domain.fhir import json
from shared.errors import InputError


@pytest.mark.parametrize("value", ["{}", "[]", "1", '{"a":1}'])
def test_refuses_a_body_of_nothing_but_values_at_once(value: str) -> None:
    body = f'{{"a":[{",".join([value] * 1_000_000)}]}}'.encode()
    started = time.process_time()
    with pytest.raises(InputError) as refused:
        json.decode(body)
    assert refused.value.issues[0].code == "too-costly"
    assert time.process_time() - started < 1


def test_takes_a_long_list_of_codes() -> None:
    body = '{"concept":[' + ",".join(f'{{"code":"{number}"}}' for number in range(200_000)) + "]}"
    assert len(json.decode(body)["concept"]) == 200_000


def test_an_integer_stays_within_the_range_that_decimals_have() -> None:
    assert json.decode("[" + "9" * 308 + "]") == [int("9" * 308)]
    for text in ("9" * 309, "9" * 5_000, "1e400"):
        with pytest.raises(InputError):
            json.decode(f"[{text}]")
