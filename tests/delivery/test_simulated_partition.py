"""D3: whatever the host and the stores do, nothing is lost, doubled or stale; designs that would be are caught.

GALEN_SIMULATION_SEEDS makes a longer run: 10,000 seeds take some four minutes of one core.
"""

from __future__ import annotations

import os

import pytest

from tests.delivery.simulator import Design, Simulation
from tests.delivery.wrong_designs import WRONG_DESIGNS

SEEDS = int(os.environ.get("GALEN_SIMULATION_SEEDS", "500"))
SLICES = 5


@pytest.mark.timeout(max(600, SEEDS))
@pytest.mark.parametrize("part", range(SLICES))
def test_nothing_is_lost_doubled_or_stale_whatever_happens(part: int) -> None:
    for seed in range(part, SEEDS, SLICES):
        violations = Simulation(seed).run().violations()
        assert not violations, f"seed {seed}: {violations}"


@pytest.mark.parametrize("design", WRONG_DESIGNS, ids=lambda design: design.__name__)
def test_a_wrong_design_is_caught(design: Design) -> None:
    assert any(Simulation(seed, design).run().violations() for seed in range(40))


def test_a_simulation_repeats_itself() -> None:
    first, second = Simulation(3).run(), Simulation(3).run()
    assert first.stores.records.every() == second.stores.records.every()
