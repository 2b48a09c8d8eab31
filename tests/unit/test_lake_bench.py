"""What the lakehouse bench takes for one new resource in a hundred."""

from __future__ import annotations

import json

import pytest

from local.bench.lakehouse import resources_in, with_resources_near

BUNDLES = [
    json.dumps({"entry": [{"place": place}] * size}) for place, size in enumerate((40, 60, 9, 16, 80, 16))
]


@pytest.mark.parametrize(
    ("wanted", "sizes"),
    [
        (17, [16]),
        (110, [40, 60, 9]),
        (56, [40, 16]),
        (41, [40]),
        (1, [9]),
        (221, [40, 60, 9, 16, 80, 16]),
        (1_000, [40, 60, 9, 16, 80, 16]),
    ],
)
def test_an_increment_is_of_the_bundles_whose_resources_come_nearest(wanted: float, sizes: list[int]) -> None:
    chosen = with_resources_near(BUNDLES, wanted)
    assert [resources_in(each) for each in chosen] == sizes
    assert chosen == [each for each in BUNDLES if each in chosen]
